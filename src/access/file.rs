//! File: reads who may call what.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Access, Allowance, Caller, DEV, Identity, Right, Rights, Sees};
use crate::document::{Section, Text, all, nearest};

/// What a role allows.
#[derive(Clone, Copy)]
struct Role {
    rights: Rights,
    sees: Sees,
    allowance: Allowance,
}

/// Reads the whole file.
pub(super) fn read(root: &Section<'_>) -> Option<Access> {
    root.whole("schema", 1..=1_i64);
    let allowance = allowance(root, Allowance::default());
    let roles = roles(root, allowance);
    let callers = callers(root, roles.as_ref());
    roles?;
    callers
}

fn roles(root: &Section<'_>, default: Allowance) -> Option<BTreeMap<Box<str>, Role>> {
    let sections = root.sections("role")?;
    few(root, "role", sections.len(), ROLES_MAX);
    let mut roles = BTreeMap::new();
    for section in &sections {
        let name = section.parsed("name", NAME, named);
        let rights = rights(section);
        let sees = section.choice("sees", &[("own", Sees::Own), ("all", Sees::All)]);
        let allowance = allowance(section, default);
        let (Some(name), Some(rights), Some(sees)) = (name, rights, sees) else { continue };
        if roles.insert(name.into(), Role { rights, sees, allowance }).is_some() {
            section.report("name", format!("there are two roles `{name}`"), "rename one of them");
        }
    }
    Some(roles)
}

/// Reads how much may be used, as `limits` says it; what it does not say is that of `default`. A problem
/// is reported, and what is returned then is of no use.
fn allowance(section: &Section<'_>, default: Allowance) -> Allowance {
    let Some(Some(limits)) = section.optional("limits", Section::section) else { return default };
    let limit = |key, most: u32, default| {
        let stated = limits.optional(key, |limits, key| limits.whole(key, 1..=most));
        stated.flatten().unwrap_or(default)
    };
    let in_flight_max = limit("in_flight", PLACES_MAX, default.in_flight_max);
    let connections_max = limit("connections", PLACES_MAX, default.connections_max);
    let per_second = limit("per_second", RATE_MAX, default.per_second);
    // As much as in one second, where a rate is stated and no burst is.
    let burst = if limits.has("per_second") { per_second } else { default.burst };
    let burst = limit("burst", RATE_MAX, burst);
    Allowance { in_flight_max, per_second, burst, connections_max }
}

fn rights(section: &Section<'_>) -> Option<Rights> {
    let rights = section.texts("rights")?.into_iter().map(|Text { text, line }| {
        let found = Right::ALL.into_iter().find(|right| right.name() == text);
        if found.is_none() {
            let advice = nearest(text, Right::ALL.iter().map(|right| right.name()));
            section.report_at(line, format!("`{text}` is no right"), advice);
        }
        found
    });
    all(rights).map(|rights| Rights::of(&rights))
}

fn callers(root: &Section<'_>, roles: Option<&BTreeMap<Box<str>, Role>>) -> Option<Access> {
    let sections = root.sections("caller")?;
    few(root, "caller", sections.len(), CALLERS_MAX);
    let mut access = Access::default();
    let mut lines: BTreeMap<Identity, u32> = BTreeMap::new();
    for section in &sections {
        let name = section.parsed("name", NAME, |text| named(text).filter(|name| *name != DEV));
        let role = section.text("role");
        let identities = identities(section);
        let role = match (role, roles) {
            (Some(role), Some(roles)) => {
                let found = roles.get(role).copied();
                if found.is_none() {
                    let advice = nearest(role, roles.keys().map(AsRef::as_ref));
                    section.report("role", format!("there is no role `{role}`"), advice);
                }
                found
            }
            _ => None,
        };
        let (Some(name), Some(role), Some(identities)) = (name, role, identities) else { continue };
        if access.callers.iter().any(|caller| *caller.name == *name) {
            section.report("name", format!("there are two callers `{name}`"), "rename one of them");
        }
        let at = access.callers.len();
        let Role { rights, sees, allowance: default } = role;
        let listed = u16::try_from(at).ok();
        access.callers.push(Arc::new(Caller { name: name.into(), rights, sees, listed }));
        access.allowances.push(allowance(section, default));
        for (identity, line) in identities {
            if let Some(other) = lines.insert(identity.clone(), line) {
                let message = format!("the identity stands on line {other} as well");
                section.report_at(line, message, "one identity is one caller: remove one of them");
            }
            access.identities.insert(identity, at);
        }
    }
    Some(access)
}

/// Reads by which names a caller is known, each with its line.
fn identities(section: &Section<'_>) -> Option<Vec<(Identity, u32)>> {
    let spiffe = identities_of(section, "spiffe", SPIFFE, |text| {
        spiffe(text).map(|id| Identity::Spiffe(id.into()))
    });
    let dns = identities_of(section, "dns", DNS, |text| dns(text).map(Identity::Dns));
    let subjects = identities_of(section, "subjects", SUBJECT, |text| {
        subject(text).map(|subject| Identity::Subject(subject.into()))
    });
    let groups = identities_of(section, "groups", SUBJECT, |text| {
        subject(text).map(|group| Identity::Group(group.into()))
    });
    let found = [spiffe?, dns?, subjects?, groups?].concat();
    if found.is_empty() {
        let advice = "write at least one of `spiffe`, `dns`, `subjects`, `groups`";
        section.report("name", "nobody is this caller", advice);
        return None;
    }
    Some(found)
}

fn identities_of(
    section: &Section<'_>,
    key: &str,
    expected: &str,
    parse: impl Fn(&str) -> Option<Identity>,
) -> Option<Vec<(Identity, u32)>> {
    let texts = section.optional(key, Section::texts)?.unwrap_or_default();
    all(texts.into_iter().map(|Text { text, line }| {
        let identity = parse(text);
        if identity.is_none() {
            let message = format!("`{key}` has what cannot be read");
            section.report_at(line, message, format!("write {expected}"));
        }
        identity.map(|identity| (identity, line))
    }))
}

fn few(root: &Section<'_>, key: &str, count: usize, max: usize) {
    if max < count {
        root.report(key, format!("there are {count} of them"), format!("keep it to {max}"));
    }
}

fn named(text: &str) -> Option<&str> {
    let fits = (1..=NAME_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.')
        });
    fits.then_some(text)
}

/// Reads a SPIFFE id: a trust domain and at least one name below it.
pub fn spiffe(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("spiffe://").filter(|_| text.len() <= SPIFFE_BYTES_MAX)?;
    let (domain, path) = rest.split_once('/')?;
    let lower = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.')
    };
    let fits = !domain.is_empty()
        && domain.bytes().all(lower)
        && path.split('/').all(|part| {
            !matches!(part, "" | "." | "..")
                && part.bytes().all(|byte| lower(byte) || byte.is_ascii_uppercase())
        });
    fits.then_some(text)
}

/// Reads a DNS name, in lower case. A name with a star is a pattern, and proves nobody.
pub fn dns(text: &str) -> Option<Box<str>> {
    let text = text.to_ascii_lowercase();
    let fits = text.len() <= DNS_BYTES_MAX
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    fits.then(|| text.into())
}

/// Reads the subject or the group of a token: whatever can stand in a log.
pub fn subject(text: &str) -> Option<&str> {
    let fits = (1..=SUBJECT_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(text)
}

const NAME: &str = "1 to 64 of `a-z`, `0-9`, `_`, `-` and `.`; `dev` is taken";
const SPIFFE: &str = "a SPIFFE id such as \"spiffe://bank.example/payments/faster\"";
const DNS: &str = "a DNS name without a star, such as \"payments.bank.example\"";
const SUBJECT: &str = "1 to 128 printable ASCII characters without spaces";

/// It is in every entry that it answers for.
const NAME_BYTES_MAX: usize = 64;
/// Subjects of identity providers are UUIDs, mail addresses or a provider and a number.
const SUBJECT_BYTES_MAX: usize = 128;
/// SPIFFE-ID, section 2.3.
const SPIFFE_BYTES_MAX: usize = 2_048;
/// RFC 1035, section 2.3.4, without the root's dot and length.
const DNS_BYTES_MAX: usize = 253;
/// A bank has some ten kinds of callers, and some ten systems of each.
const ROLES_MAX: usize = 64;
const CALLERS_MAX: usize = 1_024;
/// As many as a server has places at most.
const PLACES_MAX: u32 = 65_536;
/// Beyond what any one server decides.
const RATE_MAX: u32 = 1_000_000;
