//! Tests of what is remembered of a payer over a year.

use super::*;
use crate::testing::{amount, pounds, time};

/// Day 20,610 since 1970: the first of a slot of ten and of thirty days.
fn begin() -> Time {
    time("2026-06-06T00:00:00Z")
}

fn day(day: i64) -> Time {
    begin().plus(Span::days(day))
}

fn sent(at: Time, money: Money) -> Sent {
    Sent { payee: Token([1; 16]), at, money, added: None, session: None }
}

#[test]
fn a_past_without_payees_fits_its_class_of_allocations() {
    // With the two counters of its pointer 384, which is a class of the allocator's; the next is 448.
    assert!(size_of::<Past>() <= 368, "{}", size_of::<Past>());
}

#[test]
fn windows_reach_back_as_far_as_they_say_and_little_more() {
    for (window, least, most) in
        [(Window::Month, 30, 40), (Window::Quarter, 90, 120), (Window::Year, 360, 390)]
    {
        for from in [0, 1, 9, 10, 29, 30, 100] {
            let mut past = Past::default();
            past.send(&sent(day(from), pounds("12.50")));
            let counted = |after: i64| past.over(window, day(from + after)).count == 1;
            assert!((0..=least).all(counted), "{window:?} {from}");
            assert!(!counted(most), "{window:?} {from}");
        }
    }
}

#[test]
fn a_window_counts_adds_and_knows_the_largest() {
    let mut past = Past::default();
    for (at, money) in [(0, "10"), (5, "250.75"), (70, "3.33")] {
        past.send(&sent(day(at), pounds(money)));
    }
    let euro = Money { amount: amount("9000"), currency: Currency::from_code("EUR").unwrap() };
    past.send(&sent(day(70), euro));
    let over = |window| past.over(window, day(70));
    assert_eq!(over(Window::Month), Over { count: 2, sum: 333, largest: 333 });
    assert_eq!(over(Window::Quarter), Over { count: 4, sum: 26_408, largest: 25_075 });
    assert_eq!(over(Window::Year), over(Window::Quarter));
    past.send(&sent(day(70), pounds("999999999999")));
    let over = past.over(Window::Month, day(70));
    assert_eq!((over.sum, over.largest), (99_999_999_999_900 + 333, u64::from(u32::MAX)));
}

#[test]
fn reports_change_the_same_past_in_any_order() {
    let all: Vec<Sent> = (0..40_u8)
        .map(|number| Sent {
            payee: Token([number % 7; 16]),
            added: None,
            session: Some(Span::seconds(i64::from(number) * 20)),
            ..sent(day(i64::from(number) * 9), pounds(&format!("{}", u32::from(number) * 37 + 1)))
        })
        .collect();
    let past = |order: &[usize]| {
        let mut past = Past::default();
        for at in order {
            past.send(&all[*at]);
        }
        past
    };
    let forward: Vec<usize> = (0..40).collect();
    let backward: Vec<usize> = (0..40).rev().collect();
    let mixed: Vec<usize> = (0..40).map(|at| at * 23 % 40).collect();
    assert_eq!(past(&forward), past(&backward));
    assert_eq!(past(&forward), past(&mixed));
    assert_eq!(past(&forward).over(Window::Year, day(351)).count, 40);
}

#[test]
fn what_is_older_than_every_window_is_added_to_its_payee_alone() {
    let mut past = Past::default();
    past.send(&sent(day(0), pounds("5")));
    let counted = past.clone();
    past.send(&sent(day(-391), pounds("7")));
    let pair = past.pairs.get(Token([1; 16]), Time::MIN).unwrap();
    assert_eq!((pair.count, pair.first, pair.total), (2, day(-391), pounds("12")));
    assert_eq!(past.over(Window::Year, day(0)), counted.over(Window::Year, day(0)));
    assert_eq!(past.activity(), counted.activity());
}

#[test]
fn a_bucket_is_half_a_power_of_two() {
    for (pence, at) in [
        (0, 0),
        (511, 0),
        (512, 0),
        (767, 0),
        (768, 1),
        (1_023, 1),
        (1_024, 2),
        (25_165_823, 30),
        (25_165_824, 31),
        (33_554_432, 31),
        (u64::MAX, 31),
    ] {
        assert_eq!(bucket(pence), at, "{pence}");
    }
    for pence in [512, 767, 768, 1_023, 99_999, 25_165_823] {
        let end = bucket_end(bucket(pence));
        assert!(pence < end && end <= pence.saturating_mul(3) / 2 + 1, "{pence} {end}");
        assert_eq!(bucket(end), bucket(pence) + 1, "{pence}");
    }
}

#[test]
fn a_quantile_is_the_end_of_the_bucket_it_lies_in() {
    let mut past = Past::default();
    assert_eq!(past.quantile(500, day(0)), None);
    for number in 0..20 {
        let money = if number < 19 { "100" } else { "5000" };
        past.send(&sent(day(number), pounds(money)));
    }
    // £100 lies between £81.92 and £122.88.
    assert_eq!(past.quantile(500, day(20)), Some(12_288));
    assert_eq!(past.quantile(950, day(20)), Some(12_288));
    assert_eq!(past.quantile(951, day(20)), Some(524_288));
    assert_eq!(past.quantile(0, day(20)), Some(12_288));
    // Two half years later nothing is left.
    assert!(past.quantile(950, day(182)).is_some());
    assert_eq!(past.quantile(950, day(400)), None);
}

#[test]
fn a_full_count_halves_its_kind_and_keeps_what_is_there() {
    let mut counts = [0, 1, 254];
    count(&mut counts, 2);
    assert_eq!(counts, [0, 1, 255]);
    count(&mut counts, 2);
    assert_eq!(counts, [0, 1, 129]);
    count(&mut counts, 3);
    assert_eq!(counts, [0, 1, 129]);
}

#[test]
fn activity_is_counted_by_hour_and_weekday() {
    let mut past = Past::default();
    past.send(&sent(time("2026-11-20T23:59:59Z"), pounds("1")));
    past.send(&sent(time("2026-11-26T00:00:00Z"), pounds("1")));
    let (hours, days) = past.activity();
    assert_eq!((hours[23], hours[0], hours.iter().sum::<u8>()), (1, 1, 2));
    // The 20th was a Friday, the 26th a Thursday.
    assert_eq!(days, &[1, 1, 0, 0, 0, 0, 0]);
}

#[test]
fn habits_of_adding_and_of_sessions_need_five() {
    let mut past = Past::default();
    for number in 0..5 {
        let usual = past.usual(day(0)).map(|usual| (usual.adding_minutes, usual.session_seconds));
        assert_eq!(usual.unwrap_or_default(), (None, None), "after {number}");
        past.send(&Sent {
            payee: Token([number; 16]),
            added: Some(Span::minutes(if number < 2 { 5 } else { 2_000 })),
            session: Some(Span::seconds(100)),
            ..sent(day(0), pounds("100"))
        });
    }
    let usual = past.usual(day(0)).unwrap();
    // 2,000 minutes lie below 2,048; 100 seconds between 64 and 128.
    assert_eq!((usual.adding_minutes, usual.session_seconds), (Some(2_048), Some(64)));
    // A payee that was paid before tells nothing of adding.
    let again = Sent { added: Some(Span(0)), ..sent(day(0), pounds("1")) };
    let before = past.adding;
    past.send(&again);
    assert_eq!(past.adding, before);
}

#[test]
fn what_is_usual_is_told_of_a_year() {
    let mut past = Past::default();
    assert_eq!(past.usual(day(0)), None);
    past.send(&sent(day(0), pounds("100")));
    past.send(&sent(day(100), pounds("40")));
    let usual = past.usual(day(101)).unwrap();
    assert_eq!((usual.count, usual.largest), (2, pounds("100")));
    assert_eq!((usual.high, usual.month), (Some(pounds("122.88")), pounds("40")));
    assert_eq!(usual.last_day, day(100));
    assert_eq!(past.usual(day(600)), None);
}

#[test]
fn a_stop_is_told_for_a_week_of_other_payments() {
    let order = |payment, payee, money: &str, channel| Order {
        payment: Token([payment; 16]),
        payee: Token([payee; 16]),
        money: Some(pounds(money)),
        channel,
    };
    let mut past = Past::default();
    let app = Some(Channel::MobileApp);
    assert_eq!(past.stop_before(&order(1, 1, "5", app), day(0)), None);
    past.stop(day(0), &order(1, 1, "5", app));
    assert_eq!(past.last(), [Some(day(0)), None, None]);
    assert_eq!(past.stop_before(&order(1, 2, "6", None), day(1)), None);
    for (other, want) in [
        (order(2, 1, "5", app), [false, false, false]),
        (order(2, 2, "5", app), [true, false, false]),
        (order(2, 1, "5.01", app), [false, true, false]),
        (order(2, 1, "5", Some(Channel::Web)), [false, false, true]),
        (order(2, 1, "5", None), [false, false, false]),
    ] {
        let stop = past.stop_before(&other, day(7)).unwrap();
        let changed = [stop.payee_changed, stop.amount_changed, stop.channel_changed];
        assert_eq!((stop.at, changed), (day(0), want), "{other:?}");
        assert_eq!(past.stop_before(&other, day(7).plus(Span::seconds(1))), None);
    }
    past.warn(day(2));
    past.answer(day(3));
    assert_eq!(past.last(), [Some(day(0)), Some(day(2)), Some(day(3))]);
}

#[test]
fn a_past_comes_back_from_its_bytes() {
    let mut past = Past::default();
    for number in 0..90 {
        past.send(&Sent {
            payee: Token([number; 16]),
            added: Some(Span::minutes(i64::from(number))),
            session: Some(Span::seconds(i64::from(number))),
            ..sent(day(i64::from(number) * 3), pounds("77.10"))
        });
    }
    past.stop(
        day(9),
        &Order {
            payment: Token([3; 16]),
            payee: Token([4; 16]),
            money: None,
            channel: Some(Channel::Post),
        },
    );
    past.warn(day(9));
    past.answer(day(9));
    let bytes = past.to_bytes();
    assert_eq!(Past::take(&bytes), Ok(past));
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(Past::take(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}
