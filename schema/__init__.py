"""The documents of the state repository: models, paths, text <-> model. No I/O.

`names` identifiers · `quantities` durations and sizes · `base` what all documents share · `inputs` typed values ·
`file_input` a file as it was found ·
`pipeline` definitions · `project`, `request` what people want · `reply`,
`execution` what happened ·
`node` nodes and settings · `reasons` every reason code · `layout` where each document lives ·
`codec` YAML text with positions · `documents` reading and writing any of them · `published` JSON Schemas ·
`meaning` a word for each field.
"""
