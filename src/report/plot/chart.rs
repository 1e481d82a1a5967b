//! Points and lines between two axes.

use super::super::markup::Markup;
use super::scale::Scale;
use super::svg::{WIDTH, begin, class, dashes, label, px, rule};

pub(super) const HEIGHT: f64 = 360.0;
/// Of the part between the axes.
pub(super) const LEFT: f64 = 90.0;
pub(super) const RIGHT: f64 = WIDTH - 28.0;
pub(super) const TOP: f64 = 34.0;
pub(super) const BOTTOM: f64 = HEIGHT - 52.0;

pub(crate) struct Axis {
    /// Its quantity, with the unit.
    pub label: &'static str,
    /// Its values.
    pub scale: Scale,
}

pub(crate) struct Point {
    /// Its value on the horizontal axis.
    pub x: f64,
    /// Its value on the vertical axis.
    pub y: f64,
    pub title: String,
}

/// Points of one colour.
pub(crate) struct Series {
    /// Its number decides its looks.
    pub number: usize,
    /// In the order in which they are joined.
    pub points: Vec<Point>,
    /// Draws a line through the points.
    pub joined: bool,
}

/// Series between two axes.
pub(crate) struct LineChart {
    /// Unique in the page.
    pub id: String,
    /// A sentence that describes the chart.
    pub title: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// The series, in the order of drawing.
    pub series: Vec<Series>,
}

impl LineChart {
    /// The picture.
    pub(crate) fn svg(&self) -> Markup {
        let mut svg = begin(&self.id, &self.title, HEIGHT);
        self.axes(&mut svg);
        for series in &self.series {
            self.series(&mut svg, series);
        }
        svg.close("svg");
        svg
    }

    pub(super) fn axes(&self, svg: &mut Markup) {
        for (place, text) in self.y.scale.ticks() {
            let y = BOTTOM - place * (BOTTOM - TOP);
            rule(svg, "grid", (LEFT, y), (RIGHT, y));
            label(svg, "end", (LEFT - 8.0, y + 4.0), &text);
        }
        for (place, text) in self.x.scale.ticks() {
            let x = LEFT + place * (RIGHT - LEFT);
            rule(svg, "grid", (x, TOP), (x, BOTTOM));
            label(svg, "middle", (x, BOTTOM + 20.0), &text);
        }
        rule(svg, "axis", (LEFT, BOTTOM), (RIGHT, BOTTOM));
        rule(svg, "axis", (LEFT, TOP), (LEFT, BOTTOM));
        label(svg, "start", (8.0, 18.0), self.y.label);
        label(svg, "end", (RIGHT, HEIGHT - 8.0), self.x.label);
    }

    fn series(&self, svg: &mut Markup, series: &Series) {
        let at = |point: &Point| {
            let (x, y) = (self.x.scale.place(point.x), self.y.scale.place(point.y));
            (LEFT + x * (RIGHT - LEFT), BOTTOM - y * (BOTTOM - TOP))
        };
        svg.open("g", &[("class", &class(series.number))]);
        if series.joined && series.points.len() > 1 {
            let places: Vec<String> =
                series.points.iter().map(at).map(|(x, y)| format!("{},{}", px(x), px(y))).collect();
            let dashes = dashes(series.number);
            svg.empty("polyline", &[("class", &"line"), ("points", &places.join(" ")), ("stroke-dasharray", &dashes)]);
        }
        // Small where a line shows the way.
        let radius = if series.joined && series.points.len() > 1 { 3.5 } else { 6.0 };
        for point in &series.points {
            let (x, y) = at(point);
            svg.open("circle", &[("class", &"dot"), ("cx", &px(x)), ("cy", &px(y)), ("r", &radius)]);
            svg.element("title", &[], &point.title).close("circle");
        }
        svg.close("g");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_where_their_values_are() {
        let point = |x, y| Point { x, y, title: format!("<{x}>") };
        let chart = LineChart {
            id: "c".to_owned(),
            title: "a & b".to_owned(),
            x: Axis { label: "x", scale: Scale::linear([10.0]) },
            y: Axis { label: "y", scale: Scale::linear([100.0]) },
            series: vec![
                Series { number: 0, points: vec![point(0.0, 0.0), point(10.0, 100.0)], joined: true },
                Series { number: 9, points: vec![point(5.0, 50.0)], joined: true },
            ],
        };
        let svg = chart.svg().finish();
        assert!(svg.contains("aria-labelledby=\"c-title\"") && svg.contains("<title id=\"c-title\">a &amp; b</title>"));
        assert!(svg.contains("points=\"90,308 692,34\""), "{svg}");
        assert!(
            svg.contains(
                "<g class=\"s1\"><circle class=\"dot\" cx=\"391\" cy=\"171\" r=\"6\"><title>&lt;5&gt;</title>"
            )
        );
        assert_eq!((svg.matches("<polyline").count(), svg.matches("<circle").count()), (1, 3));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</g></svg>"));
    }
}
