//! Table: the right that each rpc needs.

use super::Right;

/// What an rpc asks of its caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// Nothing: it tells nothing that a load balancer may not know.
    Nothing,
    /// To be a caller, whatever its rights.
    Caller,
    /// A right.
    Right(Right),
}

/// One rpc.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rpc {
    /// Its path, `/service/method`.
    pub path: &'static str,
    /// What it asks of its caller.
    pub need: Need,
}

/// Every rpc that we serve. What is not here is not served.
pub const TABLE: &[Rpc] = &[
    right("/clearline.screening.v1.ScreeningService/ScreenTransfer", Right::Screen),
    right("/clearline.screening.v1.ScreeningService/ScreenTransfers", Right::Screen),
    right("/clearline.screening.v1.ScreeningService/ScreenIso20022", Right::Screen),
    right("/clearline.screening.v1.ScreeningService/ReportExecution", Right::Report),
    right("/clearline.screening.v1.ScreeningService/GetDecision", Right::Read),
    right("/clearline.screening.v1.ScreeningService/ListDecisions", Right::Read),
    // A file of past payments is as many reports.
    right("/clearline.screening.v1.HistoryService/ImportPayments", Right::Report),
    right("/clearline.screening.v1.HistoryService/GetImport", Right::Report),
    // Whoever is on a list is trusted: that changes decisions.
    right("/clearline.screening.v1.ListService/LoadListPart", Right::Approve),
    other("/grpc.health.v1.Health/Check", Need::Nothing),
    other("/grpc.health.v1.Health/Watch", Need::Nothing),
    other("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Need::Caller),
    other("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Need::Caller),
];

/// Returns what the rpc at `path` asks of its caller; `None` where there is no such rpc.
pub fn need(path: &str) -> Option<Need> {
    TABLE.iter().find(|rpc| rpc.path == path).map(|rpc| rpc.need)
}

/// Returns the table as documents show it.
pub fn printed() -> String {
    let rows = TABLE.iter().map(|Rpc { path, need }| {
        let need = match need {
            Need::Nothing => "none".to_owned(),
            Need::Caller => "any: to be a caller is enough".to_owned(),
            Need::Right(right) => format!("`{right}`"),
        };
        let path = path.trim_start_matches('/');
        format!("| `{path}` | {need} |\n")
    });
    format!("| rpc | right |\n|---|---|\n{}", rows.collect::<String>())
}

const fn right(path: &'static str, right: Right) -> Rpc {
    Rpc { path, need: Need::Right(right) }
}

const fn other(path: &'static str, need: Need) -> Rpc {
    Rpc { path, need }
}
