//! Tls: who may call. Callers of one server, each with a certificate of its own and other rights.

use std::env;
use std::fmt::Write as _;

use tonic::Code;

use crate::access::{Access, Identity};
use crate::cli::authority::{Authority, AuthorityError, Holder, Issued};
use crate::cli::bench::server::{Folder, Server};
use crate::cli::credentials::Credentials;
use crate::cli::demo::{expect, failed, not_as_expected, replayed, story, tell};
use crate::cli::remote::{At, Remote};
use crate::cli::{CliError, page, print};
use crate::clock::{Clock as _, RealClock};
use crate::grpc::pb;
use crate::grpc::pb::get_decision_request::Id;

/// Shows who may call what, and checks it. Whatever is made is put into `folder`.
pub(super) fn show(folder: &Folder) -> Result<(), CliError> {
    let now = RealClock::start().wall();
    let authority = Authority::new(folder.path(), now).map_err(unmade)?;
    print(OPENING)?;
    print(&callers()?)?;
    let server = Server::start_secured(&env::current_exe()?, folder, &authority, ACCESS);
    let server = server.map_err(failed)?;
    let door = Door { authority, address: server.address.to_string() };

    let mut payments = door.connect("payments", PAYMENTS)?;
    let mut auditor = door.connect("auditor", AUDITOR)?;
    let asked = tell(&mut payments, &story::tonbridge_road(now))?;

    print("--- The auditor asks the same\n\n")?;
    refused(auditor.screen(story::tonbridge_road(now).request), "RIGHT_MISSING", "`screen`")?;

    print("--- The auditor finds the decision, and nothing in it that speaks of a person\n\n")?;
    let id = Id::Decision(asked.answer.decision.clone());
    let found = auditor.decision(id.clone())?.decision.unwrap_or_default();
    print(&format!("{}\n", page::indented(2, &page::decision(&found))))?;
    expect(found.action() == pb::Action::Hold, || "the auditor finds another answer".to_owned())?;
    let personal = found.warning.is_some() || !found.findings.is_empty();
    expect(!personal, || "the auditor is shown what speaks of a person".to_owned())?;

    print("--- The payment system looks for decisions\n\n")?;
    let list = pb::ListDecisionsRequest::default();
    refused(payments.list(list.clone()).map(drop), "RIGHT_MISSING", "`read`")?;

    print("--- Somebody with a certificate of the same authority, whom nobody lists\n\n")?;
    refused(door.connect("stranger", STRANGER)?.list(list.clone()), "CALLER_UNKNOWN", "")?;

    print("--- Somebody without a certificate\n\n")?;
    let got = door.anonymous().and_then(|mut nobody| nobody.list(list));
    match got {
        Err(CliError::NotAsExpected(why)) if why.contains("gives no connection") => {
            print("  No connection: the server ends it in the handshake.\n\n")?;
        }
        Err(error) => return Err(error),
        Ok(_) => return Err(not_as_expected("somebody without a certificate got an answer")),
    }

    // Nobody attends to the connections from here on, so the server would wait for them in vain.
    drop((payments, auditor));
    server.stop().map_err(failed)?;
    replayed(&folder.path().join("data"), 1)
}

/// A server, and who makes certificates that it takes.
struct Door {
    authority: Authority,
    address: String,
}

impl Door {
    /// Connects as somebody with this SPIFFE id, whose files are called `name`.
    fn connect(&self, name: &str, id: &str) -> Result<Remote, CliError> {
        let issued = self.authority.issue(name, Holder::Caller(id)).map_err(unmade)?;
        self.enter(Some(&issued))
    }

    fn anonymous(&self) -> Result<Remote, CliError> {
        self.enter(None)
    }

    fn enter(&self, issued: Option<&Issued>) -> Result<Remote, CliError> {
        let credentials = Credentials::of(&self.authority.certificate(), issued);
        At::new(&self.address, credentials).connect()
    }
}

/// Lays out who may do what, as the list of callers says it.
fn callers() -> Result<String, CliError> {
    let access = Access::read("the list of callers", ACCESS)
        .map_err(|problems| not_as_expected(&format!("{problems:?}")))?;
    let mut text = String::new();
    for id in [PAYMENTS, AUDITOR] {
        let caller = access
            .by_certificate(&[Identity::Spiffe(id.into())])
            .map_err(|why| not_as_expected(&format!("{id}: {why}")))?;
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  {:<10}{id:<40}may {}", caller.name, caller.rights);
    }
    text.push('\n');
    Ok(text)
}

/// Prints why there was no answer, which must be for this reason and say this.
fn refused<T>(got: Result<T, CliError>, reason: &str, says: &str) -> Result<(), CliError> {
    match got {
        Err(CliError::Refused(why))
            if why.code == Code::PermissionDenied
                && why.reason == reason
                && why.message.contains(says) =>
        {
            print(&format!("  No answer. {why}\n\n"))
        }
        Err(error) => Err(error),
        Ok(_) => Err(not_as_expected(&format!("an answer where `{reason}` was to be told"))),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn unmade(error: AuthorityError) -> CliError {
    not_as_expected(&error.to_string())
}

const OPENING: &str = "\
An authority was made, and it signed a certificate for each of these. A server was started that
speaks TLS 1.3 and takes nobody without one.

";
const PAYMENTS: &str = "spiffe://bank.example/payments/faster";
const AUDITOR: &str = "spiffe://bank.example/people/auditor";
const STRANGER: &str = "spiffe://bank.example/payments/unlisted";
const ACCESS: &str = r#"schema = 1

[[role]]
name = "payment_system"
rights = ["screen", "report"]
sees = "own"

[[role]]
name = "auditor"
rights = ["read", "audit"]
sees = "all"

[[caller]]
name = "payments"
role = "payment_system"
spiffe = ["spiffe://bank.example/payments/faster"]

[[caller]]
name = "auditor"
role = "auditor"
spiffe = ["spiffe://bank.example/people/auditor"]
"#;
