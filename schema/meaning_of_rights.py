"""What each field of rights and policies means, as `schema/meaning.py` has it for all other documents."""

from pydantic import BaseModel

from schema import policy, rights

_SCOPE = {
    "pipelines": "patterns of names; without it stages of all",
    "projects": "patterns of names; without it all",
    "tags": "patterns; without it projects with any tags or none",
}
_DANGEROUS = "only a policy that says `dangerous: true` grants that"

MODELS: dict[str, type[BaseModel]] = {
    "StageVolume": rights.StageVolume,
    "StageSecret": rights.StageSecret,
    "Rights": rights.Rights,
    "VolumeRecord": rights.VolumeRecord,
    "SecretRecord": rights.SecretRecord,
    "Policy": policy.Policy,
    "GrantScope": policy.GrantScope,
    "NetworkGrant": policy.NetworkGrant,
    "VolumeGrant": policy.VolumeGrant,
    "DeviceGrant": policy.DeviceGrant,
    "SecretGrant": policy.SecretGrant,
    "BuildRules": policy.BuildRules,
    "Caps": policy.Caps,
    "Grants": policy.Grants,
    "Whom": policy.Whom,
    "Most": policy.Most,
}

STAGE = {
    "network": "a network by the name that policies give it ([rights](rights.md)); none without it",
    "volumes": "`NAME:/path:ro`, or a mapping: folders of machines, by the names that policies give them",
    "devices": "devices of machines, by the names that policies give them",
    "user": "`UID:GID` in place of the nodes' own user for stages",
    "working_dir": "where the program begins; `/workspace` without it",
    "extra_hosts": "names of hosts and their addresses, for a stage with a network",
    "secrets": "files below `/run/secrets`, whose values stand on nodes",
    "privileged": f"all rights; {_DANGEROUS}",
    "cap_add": f"capabilities of the kernel; {_DANGEROUS}",
    "security_opt": f"options like `seccomp=unconfined`; {_DANGEROUS}",
    "pid": f"`host`: the machine's processes; {_DANGEROUS}",
    "ipc": f"`host`: the machine's shared memory; {_DANGEROUS}",
    "userns": f"`host`: the machine's users; {_DANGEROUS}",
}
"""Of a stage, what asks for rights."""

MEANING: dict[str, dict[str, str]] = {
    "StageVolume": {
        "from": "the name that policies give it",
        "to": "where the stage finds it",
        "read_only": "the stage cannot change it",
    },
    "StageSecret": {
        "name": "the name that policies give it, and of its file",
        "env": "a variable that holds it as well: whoever may inspect containers on that machine reads it there",
        "encrypted": "its value, as `winslowctl secrets encrypt NAME` prints it ([rights](rights.md#secrets-in-git))",
    },
    "Rights": {
        "network": "name of its network",
        "volumes": "folders of its node",
        "devices": "devices of its node",
        "user": "in place of the node's own for stages",
        "working_dir": "where the program began",
        "extra_hosts": "names of hosts and their addresses",
        "secrets": "names; values stand nowhere in the repository",
        "privileged": "all rights",
        "cap_add": "capabilities of the kernel",
        "security_opt": "options of the engine",
        "host": "namespaces of the machine",
    },
    "VolumeRecord": {"from": "its name in the policy", "to": "where it was found", "read_only": "not to be changed"},
    "SecretRecord": {
        "name": "its name in the policy",
        "env": "the variable that held it as well",
        "encrypted": "not in records",
    },
    "Policy": {
        "images": "patterns of references that may run; all without it",
        "networks": "by name: a network of the engine (`bridge`, or what `docker network create` made)",
        "volumes": "by name: a folder of this machine",
        "devices": "by name: a device of this machine, like `/dev/video0`",
        "users": "`UID:GID` that stages may have",
        "secrets": "by name, who gets it; `winslowctl secrets set NAME` sets the value",
        "limits": "the most that one stage may ask for",
        "build": "of images that this node builds (`node --build`)",
        "isolation": "`true`: nothing runs as a plain process here",
        "dangerous": "`true`: this file means to give stages power over the machine",
        "privileged": "stages may be privileged (dangerous)",
        "capabilities": "of the kernel (dangerous)",
        "security_opt": "options like `seccomp=unconfined` (dangerous)",
        "host": "namespaces of the machine: `pid`, `ipc`, `userns` (dangerous)",
    },
    "GrantScope": _SCOPE,
    "NetworkGrant": {**_SCOPE, "bridge": "the engine's name for it"},
    "VolumeGrant": {**_SCOPE, "path": "the folder", "read_only": "stages cannot change it"},
    "SecretGrant": {**_SCOPE, "command": "a program that prints the value, in place of one that is kept here"},
    "DeviceGrant": {**_SCOPE, "path": "the device"},
    "BuildRules": {"network": "the engine's name of the network that programs of a Dockerfile have"},
    "Caps": {"cpus": "cores", "memory": "of memory", "shm_size": "of /dev/shm", "pids": "processes", "gpus": "GPUs"},
    "Grants": {
        "images": "patterns",
        "most": "that one stage may ask for",
        "networks": "by name",
        "volumes": "by name",
        "devices": "by name",
        "users": "`UID:GID`",
        "secrets": "by name",
        "capabilities": "of the kernel",
        "security_opt": "options of the engine",
        "host": "namespaces of the machine",
        "privileged": "whether stages may be",
        "dangerous": "whether the policy says so",
        "decrypts": "it has a key for secrets that are encrypted in the repository",
    },
    "Whom": {
        "pipelines": "patterns; none: all",
        "projects": "patterns; none: all",
        "tags": "patterns; none: any",
        "read_only": "of a volume",
        "missing": "a secret without a value on this node",
    },
    "Most": {"cpus": "cores", "memory": "bytes", "shm_size": "bytes", "pids": "processes", "gpus": "GPUs"},
}
