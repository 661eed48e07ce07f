"""Pages that write the ledger: each asks for a reason, shows what is and what would be, and does its work once."""

from registry.admin.moves.of_model import MakeDefaultPage, ResumePage, RollbackPage, SuspendPage
from registry.admin.moves.of_version import ArchivePage, LiftPage, PromotePage, PurgePage, RestorePage, StagePage

MODEL_PAGES = (RollbackPage, ResumePage, SuspendPage, MakeDefaultPage)
VERSION_PAGES = (PromotePage, LiftPage, StagePage, RestorePage, ArchivePage, PurgePage)

__all__ = ["MODEL_PAGES", "VERSION_PAGES", "RollbackPage"]
