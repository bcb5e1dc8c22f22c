"""The way back: what a retoucher saved becomes new versions of the results in it."""

from engine.services.reimport.deciding import keep_ours, put_back, take_theirs
from engine.services.reimport.returned_files import ReturnedFiles, returned_list
from engine.services.reimport.source import ForeignFileError
from engine.services.reimport.taking import PHOTOSHOP, Conflict, Reimported, Returned, Unchanged, reimport
from engine.services.reimport.watch import SUFFIXES, Settled, take_files, take_settled

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
    "keep_ours",
    "put_back",
    "reimport",
    "returned_list",
    "take_files",
    "take_settled",
    "take_theirs",
]
