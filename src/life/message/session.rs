//! Session: what device and network tell while somebody pays.

use crate::grpc::pb;
use crate::life::kind::Kind;
use crate::life::message::{Scene, Voice, stamp};
use crate::life::script::Step;
use crate::life::{Channel, Draft};
use crate::records::pb::scam::Variant;

impl Scene<'_> {
    /// Draws the call that the bank can see: in the app, or anywhere where the network tells.
    pub(super) fn voice(&mut self, draft: &Draft) -> Voice {
        let session = &self.parameters.session;
        let app = draft.channel == Channel::App;
        let network = matches!(draft.channel, Channel::Web | Channel::OpenBanking)
            && self.chance.per_mille(session.operator_per_mille);
        if let Some(step) = &draft.step {
            return self.scam_voice(step, app, app || network);
        }
        if !app && !network {
            return Voice::Silent;
        }
        let live = self.scales.calls.of(self.parameters.kind(draft.kind).call_per_10k, 9_000);
        if self.chance.per_10k(live) {
            return Voice::Live;
        }
        // Whoever has just talked about it, and whoever happened to talk.
        let ended = session.call_ended_per_10k.saturating_add(live / 2);
        if self.chance.per_10k(self.scales.calls.of(ended, 9_000)) {
            let most = session.call_ended_minutes_most.saturating_mul(60);
            return Voice::Ended(i64::try_from(self.chance.between(10, most)).unwrap_or(60));
        }
        Voice::Silent
    }

    fn scam_voice(&mut self, step: &Step, app: bool, seen: bool) -> Voice {
        let call = self.parameters.script(step.script).call;
        match step.variant {
            Variant::BlandLiveCall => Voice::Live,
            Variant::AdaptiveCallEnded => {
                Voice::Ended(i64::try_from(self.chance.between(120, 1_500)).unwrap_or(300))
            }
            Variant::BlandSilent | Variant::AdaptiveWaitADay | Variant::AdaptiveWeb => {
                Voice::Silent
            }
            _ if call && (app || seen) => {
                let rate = self.parameters.scams.call_seen_per_mille;
                if self.chance.per_mille(rate) { Voice::Live } else { Voice::Silent }
            }
            _ => Voice::Silent,
        }
    }

    /// Returns the session; `None` where nothing is known of one.
    pub(super) fn session(&mut self, draft: &Draft, voice: Voice) -> Option<pb::Session> {
        let variant = draft.step.as_ref().map(|step| step.variant);
        let screen = matches!(draft.channel, Channel::App | Channel::Web);
        if variant == Some(Variant::BlandSilent) || (!screen && voice == Voice::Silent) {
            return None;
        }
        let (parameters, missing) = (self.parameters, self.parameters.missing);
        let before = |seconds: u64| {
            Some(stamp(draft.time.saturating_sub(i64::try_from(seconds).unwrap_or(0))))
        };
        let began = match &draft.step {
            Some(_) => self.chance.between(120, 2_400),
            None => self.chance.between(25, 420),
        };
        let scam = draft.step.as_ref();
        let (remote, shared) = match scam {
            Some(step) => {
                let remote = parameters.script(step.script).remote_per_mille;
                (self.chance.per_mille(remote), self.chance.per_mille(remote / 2))
            }
            None => (
                self.chance.per_10k(parameters.session.remote_per_10k),
                self.chance.per_10k(parameters.session.screen_shared_per_10k),
            ),
        };
        let raised = draft.raised.filter(|raised| *raised <= draft.time);
        let call = self.call(draft, voice);
        let on_line = voice == Voice::Live
            && scam.is_none()
            && self.chance.per_10k(parameters.session.bank_on_line_per_10k_calls);
        if !screen {
            return Some(pb::Session { call, ..pb::Session::default() });
        }
        let device = draft.channel == Channel::App && self.told(missing.device);
        Some(pb::Session {
            start_time: before(began),
            call,
            remote_access: self.told(missing.remote).then_some(remote),
            screen_sharing: self.told(missing.remote).then_some(shared),
            device_register_time: device.then(|| stamp(draft.phone.min(draft.time))),
            limit_raise_time: raised.map(stamp),
            dismissed_warnings: self.dismissed(draft),
            bank_on_line: Some(on_line),
            scores: Vec::new(),
        })
    }

    fn call(&mut self, draft: &Draft, voice: Voice) -> Option<pb::Call> {
        use pb::call::{Direction, Source, State};
        let session = &self.parameters.session;
        let missing = self.parameters.missing;
        let app = draft.channel == Channel::App;
        let source = if app { Source::Device } else { Source::Operator }.into();
        // What a variant is about is always there.
        let sure = matches!(
            draft.step.as_ref().map(|step| step.variant),
            Some(Variant::BlandLiveCall | Variant::AdaptiveCallEnded)
        );
        if voice == Voice::Silent && !app {
            return None;
        }
        if !sure && !self.told(missing.call) {
            // Some devices say that they cannot tell.
            let state = State::NotSupported.into();
            return self.chance.per_mille(400).then(|| pb::Call { state, ..pb::Call::default() });
        }
        let out = draft.step.is_none() && self.chance.per_mille(session.outgoing_per_mille);
        let known = self.chance.per_mille(850);
        let direction = match (known, out) {
            (false, _) => Direction::Unspecified,
            (true, true) => Direction::Outgoing,
            (true, false) => Direction::Incoming,
        }
        .into();
        let (state, end_time) = match voice {
            Voice::Silent => {
                let state = State::None.into();
                return Some(pb::Call { state, source, ..pb::Call::default() });
            }
            Voice::Live => (State::InProgress, None),
            Voice::Ended(ago) => {
                let ended = stamp(draft.time.saturating_sub(ago));
                (State::Ended, (sure || self.told(missing.end_of_call)).then_some(ended))
            }
        };
        Some(pb::Call { state: state.into(), end_time, direction, source })
    }

    /// Returns the warnings that were gone past: banks warn where a payee is new.
    fn dismissed(&mut self, draft: &Draft) -> Option<pb::DismissedWarnings> {
        let missing = self.parameters.missing.dismissed;
        if !self.told(missing) {
            return None;
        }
        let (session, scams) = (&self.parameters.session, &self.parameters.scams);
        let (warned, rushed) = match &draft.step {
            Some(_) => (scams.warned_per_mille, scams.rushed_per_mille),
            None => (session.warned_per_mille, session.rushed_per_mille),
        };
        let own = draft.step.is_none() && draft.kind == Kind::OwnSavings;
        if draft.known.times != 0 || own || !self.chance.per_mille(warned) {
            return Some(pb::DismissedWarnings::default());
        }
        let count = if self.chance.per_mille(250) { 2 } else { 1 };
        let each = (0..count).map(|_| {
            let rushed = self.chance.per_mille(rushed);
            let (least, most) = if rushed { (400, 2_900) } else { (3_000, 45_000) };
            let millis = self.chance.between(least, most);
            let seconds = i64::try_from(millis / 1_000).unwrap_or(0);
            let nanos = i32::try_from(millis % 1_000).unwrap_or(0).saturating_mul(1_000_000);
            let shown_duration = Some(prost_types::Duration { seconds, nanos });
            pb::DismissedWarning { digest: None, shown_duration }
        });
        Some(pb::DismissedWarnings { warnings: each.collect() })
    }
}
