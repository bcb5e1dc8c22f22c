"""The way back: what a retoucher saved becomes new versions of the results in it."""

from engine.services.reimport.returned_files import ReturnedFiles, returned_list
from engine.services.reimport.source import ForeignFileError
from engine.services.reimport.taking import PHOTOSHOP, Conflict, Reimported, Returned, Unchanged, reimport
from engine.services.reimport.watch import SUFFIXES, Settled, take_settled

__all__ = [
    "PHOTOSHOP",
    "SUFFIXES",
    "Conflict",
    "ForeignFileError",
    "Reimported",
    "Returned",
    "ReturnedFiles",
    "Settled",
    "Unchanged",
    "reimport",
    "returned_list",
    "take_settled",
]
