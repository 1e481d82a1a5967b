//! Points with their names beside them.

use super::super::markup::Markup;
use super::super::text::shortened;
use super::chart::{Axis, LineChart};
use super::chart::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP};
use super::svg::{begin, class, px, rule};

/// Radius of a point.
const RADIUS: f64 = 6.0;
/// Characters of a name that fit, and the width and height of one.
const NAME: usize = 32;
const WIDE: f64 = 7.0;
const TALL: f64 = 14.0;

/// A point with a name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spot {
    /// The text beside it, left out where there is no room.
    pub label: String,
    /// Its number decides its colour. Points of one series are joined, in their order.
    pub series: usize,
    /// Its value on the horizontal axis.
    pub x: f64,
    /// Its value on the vertical axis.
    pub y: f64,
    /// Draws it as a ring, for the reference.
    pub hollow: bool,
    pub title: String,
}

/// The picture. `id` is unique in the page, `title` describes it in a sentence. Spots with NaN or infinite coordinates
/// are left out.
pub(crate) fn scatter(id: &str, title: &str, (x, y): (Axis, Axis), spots: &[Spot]) -> Markup {
    let mut svg = begin(id, title, HEIGHT);
    let chart = LineChart { id: id.to_owned(), title: title.to_owned(), x, y, series: Vec::new() };
    chart.axes(&mut svg);
    let spots: Vec<&Spot> = spots.iter().filter(|spot| spot.x.is_finite() && spot.y.is_finite()).collect();
    let at = |spot: &Spot| {
        let (x, y) = (chart.x.scale.place(spot.x), chart.y.scale.place(spot.y));
        (LEFT + x * (RIGHT - LEFT), BOTTOM - y * (BOTTOM - TOP))
    };
    // Lines lie below all points.
    for (place, spot) in spots.iter().enumerate() {
        if let Some(before) = spots[..place].iter().rev().find(|before| before.series == spot.series) {
            svg.open("g", &[("class", &class(spot.series))]);
            rule(&mut svg, "join", at(before), at(spot));
            svg.close("g");
        }
    }
    for spot in &spots {
        let (x, y) = at(spot);
        let looks = if spot.hollow { "ring" } else { "dot" };
        svg.open("g", &[("class", &class(spot.series))]);
        svg.open("circle", &[("class", &looks), ("cx", &px(x)), ("cy", &px(y)), ("r", &RADIUS)]);
        svg.element("title", &[], &spot.title).close("circle").close("g");
    }
    let mut taken: Vec<Box> = spots.iter().map(|spot| Box::around(at(spot))).collect();
    // Rings come last, so that their names give way. A ring around its own point is left out.
    let news = |spot: &&&Spot| {
        let (x, y) = at(spot);
        let near = |other: &&Spot| (at(other).0 - x).hypot(at(other).1 - y) < 2.0 * RADIUS;
        spot.hollow && !spots.iter().any(|other| !other.hollow && other.series == spot.series && near(other))
    };
    let named = spots.iter().filter(|spot| !spot.hollow).chain(spots.iter().filter(news));
    for spot in named.filter(|spot| !spot.label.is_empty()) {
        name(&mut svg, at(spot), &shortened(&spot.label, NAME), &mut taken);
    }
    svg.close("svg");
    svg
}

/// A part of the picture.
#[derive(Clone, Copy)]
struct Box {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Box {
    fn around((x, y): (f64, f64)) -> Self {
        Self { left: x - RADIUS, top: y - RADIUS, right: x + RADIUS, bottom: y + RADIUS }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}

/// Writes a name in a free place: beside its point, or some way off with a line to it.
fn name(svg: &mut Markup, (x, y): (f64, f64), text: &str, taken: &mut Vec<Box>) {
    let wide = text.chars().count() as f64 * WIDE;
    for down in [0.0, -15.0, 15.0, -30.0, 30.0, -45.0, 45.0, -60.0, 60.0] {
        for side in [1.0, -1.0] {
            let (off, middle) = (if down == 0.0 { 10.0 } else { 16.0 }, y + down);
            let near = x + side * off;
            let (left, right) = if side > 0.0 { (near, near + wide) } else { (near - wide, near) };
            let place = Box { left, top: middle - TALL / 2.0, right, bottom: middle + TALL / 2.0 };
            let inside = left >= LEFT && right <= RIGHT + 20.0 && place.top >= 22.0 && place.bottom <= BOTTOM;
            if !inside || taken.iter().any(|other| place.meets(other)) {
                continue;
            }
            if down != 0.0 {
                rule(svg, "lead", (x, y), (near - side * 2.0, middle));
            }
            let anchor = if side > 0.0 { "start" } else { "end" };
            svg.element(
                "text",
                &[("class", &"small"), ("x", &px(near)), ("y", &px(middle + 4.0)), ("text-anchor", &anchor)],
                text,
            );
            taken.push(place);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scale;
    use super::*;

    fn spot(label: &str, x: f64, y: f64) -> Spot {
        Spot { label: label.into(), series: 3, x, y, hollow: label == "base", title: format!("<{label}>") }
    }

    fn drawn(spots: &[Spot]) -> String {
        let axis = |label, most| Axis { label, scale: Scale::linear([most]) };
        scatter("s", "t", (axis("x", 10.0), axis("y", 100.0)), spots).finish()
    }

    #[test]
    fn points_are_joined_and_named() {
        let svg = drawn(&[spot("base", 0.0, 0.0), spot("onnx", 10.0, 100.0)]);
        assert!(svg.contains("<line class=\"join\" x1=\"90\" y1=\"308\" x2=\"692\" y2=\"34\"/>"), "{svg}");
        assert!(svg.contains("<circle class=\"ring\" cx=\"90\"") && svg.contains("<circle class=\"dot\" cx=\"692\""));
        // At the right edge a name stands to the left of its point.
        assert!(svg.contains("x=\"682\" y=\"38\" text-anchor=\"end\">onnx</text>"), "{svg}");
        // And at the lower one above it, with a line to it.
        assert!(svg.contains("x=\"106\" y=\"297\" text-anchor=\"start\">base</text>"), "{svg}");
        assert_eq!(svg.matches("class=\"lead\"").count(), 1);
        // A ring around its own point is not named.
        let svg = drawn(&[spot("base", 9.9, 100.0), spot("onnx", 10.0, 100.0)]);
        assert!(svg.contains("class=\"ring\"") && svg.contains(">onnx</text>") && !svg.contains(">base</text>"));
        assert!(svg.contains("<title>&lt;onnx&gt;</title>"));
    }

    #[test]
    fn names_do_not_lie_on_one_another() {
        let crowd: Vec<Spot> =
            (0..40).map(|at| Spot { series: at, ..spot(&format!("engine {at}"), 5.0, 50.0) }).collect();
        let svg = drawn(&crowd);
        let places: Vec<(f64, f64)> = svg
            .split("class=\"small\" x=\"")
            .skip(1)
            .map(|rest| {
                let mut parts = rest.split('"');
                (parts.next().unwrap().parse().unwrap(), parts.nth(1).unwrap().parse().unwrap())
            })
            .collect();
        // Two at each height, and what has no room has no name.
        assert_eq!(places.len(), 18, "{svg}");
        for (at, place) in places.iter().enumerate() {
            assert!(!places[..at].contains(place), "{places:?}");
        }
    }

    #[test]
    fn any_numbers_will_do() {
        let svg = drawn(&[spot("a", f64::NAN, 1.0), spot("b", 1.0, f64::INFINITY), spot("", 1e300, -1.0)]);
        assert_eq!(svg.matches("<circle").count(), 1, "{svg}");
        assert!(drawn(&[]).ends_with("</svg>"));
    }
}
