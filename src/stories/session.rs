//! Session: how things stand with payer and device while a story goes on, and what a bank sees of it.

use crate::calendar::Time;
use crate::grpc::pb;
use crate::grpc::pb::call::Direction;
use crate::grpc::pb::transfer::Channel;
use crate::stories::Variant;
use crate::stories::message::{pounds, span, stamp};
use crate::stories::tell::Teller;

/// How things stand at some time of the story.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) balance: i64,
    /// The most that one payment may come to.
    pub(super) permitted: i64,
    /// When the session began, and when it was last used.
    pub(super) session: Option<(Time, Time)>,
    /// A call: who called, whether on the mobile, and when it ended.
    pub(super) call: Option<(Direction, bool, Option<Time>)>,
    pub(super) control: bool,
    pub(super) sharing: bool,
    pub(super) limit: Option<Time>,
    pub(super) device: Option<Time>,
    /// What came in, oldest first.
    pub(super) arrivals: Vec<(Time, i64, pb::arrival::Source)>,
}

impl Teller<'_> {
    /// Returns what the session shows, as far as this variant and this bank see it.
    pub(super) fn session(
        &mut self,
        state: &mut State,
        at: Time,
        channel: Channel,
        warned: Option<i64>,
    ) -> Option<pb::Session> {
        let on_device = matches!(channel, Channel::MobileApp | Channel::Web);
        let begun = match state.session {
            Some((begun, used)) if at.since(used) <= span(SESSION_IDLE) => begun,
            _ => {
                let asked = self.asked.to_string();
                at.minus(span(self.chance(&format!("session.{asked}")).between(3, 20, 1)))
            }
        };
        state.session = Some((begun, at));
        let mut session = pb::Session::default();
        if self.knows.limit {
            session.limit_raise_time = state.limit.map(stamp);
        }
        if self.knows.device && on_device {
            session.start_time = Some(stamp(begun));
            session.remote_access = Some(state.control);
            session.screen_sharing = Some(state.sharing);
            session.device_register_time = state.device.map(stamp);
            session.dismissed_warnings = warned.map(|seconds| pb::DismissedWarnings {
                warnings: vec![pb::DismissedWarning {
                    digest: None,
                    shown_duration: Some(prost_types::Duration { seconds, nanos: 0 }),
                }],
            });
        }
        session.call = self.call(state, (begun, at), channel);
        (session != pb::Session::default()).then_some(session)
    }

    fn call(&self, state: &State, (begun, at): (Time, Time), channel: Channel) -> Option<pb::Call> {
        use pb::call::{Source, State as CallState};
        let shown = self.variant == Variant::BlandCall;
        let source = if channel == Channel::MobileApp && self.knows.device {
            Source::Device
        } else if shown || self.knows.operator {
            Source::Operator
        } else {
            return None;
        };
        let mut call = pb::Call {
            state: CallState::None.into(),
            end_time: None,
            direction: Direction::Unspecified.into(),
            source: source.into(),
        };
        // A mobile and its network do not know of a call on another line.
        let Some((direction, mobile, ended)) = state.call else { return Some(call) };
        if !mobile && !shown {
            return Some(call);
        }
        match ended {
            None => call.state = CallState::InProgress.into(),
            Some(ended) if begun.minus(span(CALL_ENDED)) <= ended && ended <= at => {
                call.state = CallState::Ended.into();
                call.end_time = Some(stamp(ended));
            }
            Some(_) => return Some(call),
        }
        call.direction = direction.into();
        Some(call)
    }
}

/// Returns what came into the account in the days before, newest first.
pub(super) fn gathered(state: &State, at: Time) -> pb::Gathered {
    let recent = state.arrivals.iter().rev();
    let recent = recent.filter(|(arrived, ..)| at.since(*arrived) <= span(GATHERED_MINUTES));
    let arrivals = recent.take(GATHERED_MAX).map(|(arrived, pence, source)| pb::Arrival {
        amount: Some(pounds(*pence)),
        arrive_time: Some(stamp(*arrived)),
        source: (*source).into(),
    });
    pb::Gathered { arrivals: arrivals.collect() }
}

/// Minutes without a payment after which a new session has begun.
const SESSION_IDLE: i64 = 20;
/// Minutes before a session within which the device still speaks of a call that ended.
const CALL_ENDED: i64 = 30;
/// How far back money that came in is stated, and how many arrivals; both by the API.
const GATHERED_MINUTES: i64 = 7 * 1_440;
const GATHERED_MAX: usize = 8;
