//! Nearest: advice for a name that nobody knows.
//!
//! Most unknown names are known ones with a slip, so the nearest is offered; where none is near,
//! all of them are listed.

/// Returns advice for somebody who wrote `name` where one of `names` belongs.
pub fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str> + Clone) -> String {
    let distances = names.clone().map(|known| (distance(name, known), known));
    // A third of a name may be slips; past that another name is meant.
    let slips_max = name.chars().count().div_ceil(3);
    match distances.min() {
        None => "remove it".to_owned(),
        Some((slips, known)) if slips <= slips_max => format!("did you mean `{known}`?"),
        Some(_) => all(names),
    }
}

/// Returns advice as [`nearest`] does, and all of `names` where they are few: a guess may be wrong.
pub fn nearest_of_few<'n>(name: &str, names: impl Iterator<Item = &'n str> + Clone) -> String {
    let guess = nearest(name, names.clone());
    let few = names.clone().count() <= FEW;
    if few && guess.ends_with('?') { format!("{guess} {}", all(names)) } else { guess }
}

fn all<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut all: Vec<_> = names.map(|known| format!("`{known}`")).collect();
    all.sort();
    all.dedup();
    format!("known here: {}", all.join(", "))
}

/// Returns the one of `names` that `name` is with a slip: of the same length or a letter off, and
/// with one or two letters wrong.
pub fn slip<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let chars = name.chars().count();
    let near = names.filter(|known| known.chars().count().abs_diff(chars) <= 1);
    let distances = near.map(|known| (distance(name, known), known));
    let nearest = distances.min().filter(|(slips, _)| *slips <= chars.div_ceil(3).min(2));
    nearest.map(|(_, known)| known)
}

/// Counts letters to be added, removed or replaced until `one` is `other`, and neighbours to be
/// swapped as two.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line.saturating_add(1);
        let mut next = Vec::with_capacity(row.len());
        next.push(left);
        for (above, counterpart) in row.iter().skip(1).zip(other.chars()) {
            let replaced = diagonal.saturating_add(usize::from(letter != counterpart));
            left = replaced.min(left.saturating_add(1)).min(above.saturating_add(1));
            next.push(left);
            diagonal = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// As many kinds of scams as there are, which is a line and a half.
const FEW: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (one, other, want) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("points", "points", 0),
            ("point", "points", 1),
            ("pionts", "points", 2),
            ("hold_form", "hold_from", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), want, "{one} {other}");
        }
    }

    #[test]
    fn a_slip_is_a_letter_or_two_at_about_the_same_length() {
        let names = || ["bail", "court", "agency"].into_iter();
        for (name, want) in [
            ("bale", Some("bail")),
            ("bial", Some("bail")),
            ("bai", Some("bail")),
            ("bails", Some("bail")),
            ("bailed", None),
            ("bailiff", None),
            ("tower", None),
            ("agancys", Some("agency")),
            ("ogancys", None),
        ] {
            assert_eq!(slip(name, names()), want, "{name}");
        }
    }

    #[test]
    fn advice_names_the_nearest_or_all() {
        let names = || ["points", "share_min"].into_iter();
        assert_eq!(nearest("pionts", names()), "did you mean `points`?");
        assert_eq!(nearest("colour", names()), "known here: `points`, `share_min`");
        assert_eq!(nearest("colour", [].into_iter()), "remove it");
    }

    #[test]
    fn few_names_are_listed_beside_a_guess() {
        let all = ["a1", "b2", "c3", "d4", "e5", "f6", "g7", "h8", "i9"];
        let names = |count| all.into_iter().take(count);
        assert_eq!(nearest_of_few("a2", names(2)), "did you mean `a1`? known here: `a1`, `b2`");
        assert!(nearest_of_few("a2", names(8)).ends_with("`g7`, `h8`"));
        assert_eq!(nearest_of_few("a2", names(9)), "did you mean `a1`?");
        assert_eq!(nearest_of_few("xyz", names(2)), "known here: `a1`, `b2`");
        assert_eq!(nearest_of_few("xyz", names(0)), "remove it");
    }
}
