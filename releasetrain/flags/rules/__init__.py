"""Decide what flags answer: pure, compiled once, asked many times."""

from releasetrain.flags.rules.buckets import FULL as FULL
from releasetrain.flags.rules.evaluation import NOTHING as NOTHING
from releasetrain.flags.rules.evaluation import Flag as Flag
from releasetrain.flags.rules.evaluation import compile_flag as compile_flag
from releasetrain.flags.rules.evaluation import evaluate as evaluate
from releasetrain.flags.rules.evaluation import is_in as is_in
from releasetrain.flags.rules.evaluation import share_of as share_of
from releasetrain.flags.rules.serving import Reason as Reason
from releasetrain.flags.rules.states import Answer as Answer
from releasetrain.flags.rules.states import ErrorCode as ErrorCode
from releasetrain.flags.rules.states import Failure as Failure
from releasetrain.flags.rules.states import FlagState as FlagState
from releasetrain.flags.rules.states import not_found as not_found
from releasetrain.flags.rules.states import percent as percent
from releasetrain.flags.rules.states import prerequisites_of as prerequisites_of
from releasetrain.flags.rules.states import segments_of as segments_of
from releasetrain.flags.rules.states import why_not_key as why_not_key
from releasetrain.flags.rules.states import why_not_percentage as why_not_percentage
