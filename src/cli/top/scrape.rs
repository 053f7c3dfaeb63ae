//! Scrape: metrics as a server showed them at one moment.

#![expect(clippy::float_arithmetic, reason = "a report is drawn of it, and nothing decided")]

use std::time::Duration;

/// Every series of one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Scrape {
    series: Vec<Series>,
}

/// One line of metrics.
#[derive(Clone, Debug, PartialEq)]
struct Series {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// What happened between two moments, or since the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between<'s> {
    pub(super) before: Option<&'s Scrape>,
    pub(super) now: &'s Scrape,
    pub(super) passed: Duration,
}

impl Scrape {
    /// Reads `OpenMetrics` text; lines that are none of it are left out.
    pub(super) fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self { series: lines.filter_map(series).collect() }
    }

    /// Returns the sum over every series of this name that has all of these labels.
    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.of(name, labels).map(|series| series.value).sum()
    }

    /// Returns what a label says of the first series of this name.
    pub(super) fn label(&self, name: &str, label: &str) -> Option<&str> {
        self.of(name, &[]).find_map(|series| series.label(label))
    }

    /// Returns the largest of the series of this name that are above zero, with what `labels` say of
    /// each.
    pub(super) fn largest(&self, name: &str, labels: &[&str], count: usize) -> Vec<(String, f64)> {
        let mut found: Vec<(String, f64)> = self
            .of(name, &[])
            .filter(|series| 0.0 < series.value)
            .map(|series| {
                let said: Vec<&str> = labels.iter().filter_map(|it| series.label(it)).collect();
                (said.join(" "), series.value)
            })
            .collect();
        found.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        found.truncate(count);
        found
    }

    fn of(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(move |series| {
            series.name == name
                && labels.iter().all(|(label, want)| series.label(label) == Some(*want))
        })
    }
}

impl Series {
    fn label(&self, label: &str) -> Option<&str> {
        self.labels.iter().find(|(name, _)| name == label).map(|(_, value)| value.as_str())
    }
}

impl Between<'_> {
    /// Returns by how much something went up.
    pub(super) fn rise(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let before = self.before.map_or(0.0, |before| before.sum(name, labels));
        (self.now.sum(name, labels) - before).max(0.0)
    }

    /// Returns by how much something went up a second.
    pub(super) fn rate(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.rise(name, labels) / self.passed.as_secs_f64().max(0.001)
    }

    /// Returns the mean of what a histogram took in; absent where that was nothing.
    pub(super) fn mean(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let count = self.rise(&format!("{name}_count"), labels);
        (0.0 < count).then(|| self.rise(&format!("{name}_sum"), labels) / count)
    }

    /// Returns the upper end of the bucket below which `share` of what a histogram took in lies;
    /// absent where it took in nothing.
    pub(super) fn quantile(&self, name: &str, labels: &[(&str, &str)], share: f64) -> Option<f64> {
        let wanted = self.rise(&format!("{name}_count"), labels) * share;
        let bucket = format!("{name}_bucket");
        let mut ends: Vec<(f64, &str)> = self
            .now
            .of(&bucket, labels)
            .filter_map(|series| series.label("le"))
            .filter_map(|end| Some((number(end)?, end)))
            .collect();
        ends.sort_by(|one, other| one.0.total_cmp(&other.0));
        ends.dedup_by(|one, other| one.1 == other.1);
        if wanted <= 0.0 {
            return None;
        }
        ends.into_iter().find_map(|(end, written)| {
            let labels: Vec<_> = labels.iter().copied().chain([("le", written)]).collect();
            (wanted <= self.rise(&bucket, &labels)).then_some(end)
        })
    }
}

/// Reads a line such as `name{label="value"} 1.5 # {exemplar="of it"} 2`.
fn series(line: &str) -> Option<Series> {
    let name_end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at_checked(name_end)?;
    let mut labels = Vec::new();
    if let Some(after) = rest.strip_prefix('{') {
        rest = after;
        while let Some((label, value, after)) = label(rest) {
            labels.push((label, value));
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = rest.strip_prefix('}')?;
    }
    let value = number(rest.split_whitespace().next()?)?;
    Some(Series { name: name.to_owned(), labels, value })
}

/// Reads `label="value"`, and returns what is left.
fn label(text: &str) -> Option<(String, String, &str)> {
    let (label, rest) = text.split_once("=\"")?;
    if label.contains('}') {
        return None;
    }
    let (mut value, mut chars) = (String::new(), rest.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let after = rest.get(at.saturating_add(1)..).unwrap_or_default();
                return Some((label.to_owned(), value, after));
            }
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

fn number(text: &str) -> Option<f64> {
    if text == "+Inf" { Some(f64::INFINITY) } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_its_labels_and_without_its_exemplar() {
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        for (line, name, pairs, value) in [
            ("up 1", "up", [].as_slice(), 1.0),
            ("a_total{x=\"y\"} 2.5", "a_total", &[("x", "y")], 2.5),
            ("a{x=\"y}\",z=\"q\\\"\\n\"} 3", "a", &[("x", "y}"), ("z", "q\"\n")], 3.0),
            ("a_bucket{le=\"+Inf\"} 4 # {id=\"7\"} 0.5", "a_bucket", &[("le", "+Inf")], 4.0),
            ("a +Inf", "a", &[], f64::INFINITY),
        ] {
            let want = Series { name: name.to_owned(), labels: labels(pairs), value };
            assert_eq!(series(line), Some(want), "{line}");
        }
        for line in ["", "a", "a{x=\"y\" 1", "a{x=\"y\"} one", "a{x=\"y"] {
            assert_eq!(series(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_told_is_what_happened_between() {
        let scrape = |fast: u32, slow: u32, sum: f64| {
            let all = fast.saturating_add(slow);
            Scrape::read(&format!(
                "t_bucket{{le=\"0.1\",r=\"a\"}} {fast}\nt_bucket{{le=\"0.2\",r=\"a\"}} {all}\n\
                 t_bucket{{le=\"+Inf\",r=\"a\"}} {all}\nt_count{{r=\"a\"}} {all}\n\
                 t_sum{{r=\"a\"}} {sum}\n"
            ))
        };
        let (before, now) = (scrape(100, 0, 5.0), scrape(198, 2, 15.0));
        let passed = Duration::from_secs(10);
        let between = Between { before: Some(&before), now: &now, passed };
        assert_eq!(between.rate("t_count", &[]).to_bits(), 10_f64.to_bits());
        assert_eq!(between.mean("t", &[("r", "a")]), Some(0.1));
        assert_eq!(between.quantile("t", &[], 0.98), Some(0.1));
        assert_eq!(between.quantile("t", &[], 0.99), Some(0.2));
        assert_eq!(between.quantile("t", &[("r", "b")], 0.5), None);
        let same = Between { before: Some(&now), now: &now, passed };
        assert_eq!((same.mean("t", &[]), same.quantile("t", &[], 0.5)), (None, None));
        let since_start = Between { before: None, now: &now, passed };
        assert_eq!(since_start.rise("t_count", &[]).to_bits(), 200_f64.to_bits());
        // A process that was started again has counted less than before.
        let again = Between { before: Some(&now), now: &before, passed };
        assert_eq!(again.rise("t_count", &[]).to_bits(), 0_f64.to_bits());
    }

    #[test]
    fn the_largest_come_first_and_zeros_not_at_all() {
        let scrape = Scrape::read("r{a=\"x\"} 1\nr{a=\"y\"} 3\nr{a=\"z\"} 0\nr{a=\"w\"} 3\n");
        let largest = scrape.largest("r", &["a"], 2);
        assert_eq!(largest, [("w".to_owned(), 3.0), ("y".to_owned(), 3.0)]);
        assert_eq!(scrape.largest("r", &["a"], 9).len(), 3);
    }
}
