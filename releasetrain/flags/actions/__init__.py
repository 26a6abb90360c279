"""Write flags; every write is a numbered revision, an event and a notification, or nothing."""

from releasetrain.flags.actions.creating import add_to_environment as add_to_environment
from releasetrain.flags.actions.creating import create_flag as create_flag
from releasetrain.flags.actions.importing import take_over as take_over
from releasetrain.flags.actions.refusals import FenceTooOld as FenceTooOld
from releasetrain.flags.actions.refusals import FlagExists as FlagExists
from releasetrain.flags.actions.refusals import FlagFrozen as FlagFrozen
from releasetrain.flags.actions.refusals import NothingToRevert as NothingToRevert
from releasetrain.flags.actions.refusals import NotKilled as NotKilled
from releasetrain.flags.actions.refusals import SegmentInUse as SegmentInUse
from releasetrain.flags.actions.refusals import TargetingRefused as TargetingRefused
from releasetrain.flags.actions.revising import CHANNEL as CHANNEL
from releasetrain.flags.actions.segments import SegmentDraft as SegmentDraft
from releasetrain.flags.actions.segments import remove_segment as remove_segment
from releasetrain.flags.actions.segments import save_segment as save_segment
from releasetrain.flags.actions.switching import disable as disable
from releasetrain.flags.actions.switching import enable as enable
from releasetrain.flags.actions.switching import kill as kill
from releasetrain.flags.actions.switching import set_percentage as set_percentage
from releasetrain.flags.actions.switching import unkill as unkill
from releasetrain.flags.actions.targeting import Targeting as Targeting
from releasetrain.flags.actions.targeting import retarget as retarget
from releasetrain.flags.actions.targeting import revert as revert
