"""What can go wrong in front of a container.

RunnerError
├── ImageUnavailable    no such image here or in a registry; retrying changes nothing until somebody acts
├── EngineUnavailable   the engine does not answer; try again next round
│   └── EngineFailed    it answers with a failure of its own (5xx, no space left, no JSON); try again, not for ever
├── Refused             the engine refused the container (a bad mount, name, device)
└── ServiceNotReady     a program beside the stage ended, or was not ready in time
"""


class RunnerError(Exception):
    """Base of everything a runner raises; the text says what and what to do."""


class ImageUnavailable(RunnerError):
    pass


class EngineUnavailable(RunnerError):
    pass


class EngineFailed(EngineUnavailable):
    pass


class EngineRefused(RunnerError):
    pass


class ServiceNotReady(RunnerError):
    pass
