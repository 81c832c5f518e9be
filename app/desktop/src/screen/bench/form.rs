//! What is measured: how long, with how large a model, how often, on how many cores.

use app::bench::{Machine, Plan};
use app::problem::chain;
use app::quantity::{Limit, Size};
use iced::widget::{Column, column, row, text};
use iced::{Element, Length, Theme};

use crate::context::Context;
use crate::theme::Space;
use crate::widget::control::Kind;
use crate::widget::page;

/// What the user typed and chose.
#[derive(Debug, Clone)]
pub(super) struct Form {
    length: Run,
    size: String,
    samples: String,
    cores: String,
}

/// How long a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Some seconds.
    Quick,
    /// A minute or two.
    Thorough,
}

impl Run {
    fn plan(self) -> Plan {
        let cores = Machine::cores().min(*Plan::CORES.end());
        match self {
            Self::Quick => Plan::quick(cores),
            Self::Thorough => Plan::thorough(cores),
        }
    }
}

/// What the user does to the form.
#[derive(Debug, Clone)]
pub enum Message {
    /// Another length of run, with its own size and samples.
    Length(Run),
    /// The model's size.
    Size(String),
    /// How often each work is timed.
    Samples(String),
    /// How many threads work where all cores do.
    Cores(String),
}

impl Default for Form {
    fn default() -> Self {
        Self::of(Run::Quick)
    }
}

impl Form {
    fn of(length: Run) -> Self {
        let plan = length.plan();
        Self {
            length,
            size: Limit(plan.bytes).to_string(),
            samples: plan.samples.to_string(),
            cores: plan.cores.to_string(),
        }
    }

    /// Hears what the user does.
    pub(super) fn update(&mut self, message: Message) {
        match message {
            Message::Length(length) => {
                let cores = std::mem::take(&mut self.cores);
                *self = Self { cores, ..Self::of(length) };
            }
            Message::Size(text) => self.size = text,
            Message::Samples(text) => self.samples = text,
            Message::Cores(text) => self.cores = text,
        }
    }

    /// The plan, if every field holds what can be.
    pub(super) fn plan(&self) -> Option<Plan> {
        let plan = self.size().ok()?;
        let samples = self.samples().ok()?;
        Some(Plan { samples, cores: self.cores().ok()?, ..plan })
    }

    fn size(&self) -> Result<Plan, String> {
        let Size(bytes) = self.size.parse().map_err(|error| chain(&error))?;
        let limits = "take one from 1MiB to 1GiB";
        self.length.plan().with_bytes(bytes).map_err(|error| format!("{error}: {limits}"))
    }

    fn samples(&self) -> Result<u32, String> {
        within(&self.samples, &Plan::SAMPLES)
    }

    fn cores(&self) -> Result<u32, String> {
        within(&self.cores, &Plan::CORES)
    }

    /// The form; `start` is said where it can be sent.
    pub(super) fn view<'a, M: Clone + 'a>(
        &self,
        cx: &Context<'_>,
        say: impl Fn(Message) -> M + Copy + 'a,
        start: M,
    ) -> Element<'a, M> {
        let ready = self.plan().map(|_| start);
        let field = |name: &'static str,
                     id: &'static str,
                     width: f32,
                     value: &str,
                     on: fn(String) -> Message| {
            let width = Length::Fixed(cx.scale.factor() * width);
            let input = page::field(cx, "", value, move |text| say(on(text)))
                .id(id)
                .on_submit_maybe(ready.clone())
                .width(width);
            Element::from(page::labelled(cx, name, input))
        };
        let tab = |name, length| {
            page::tab(cx, name, self.length == length, say(Message::Length(length)))
                .padding([7.0, 12.0])
                .into()
        };
        let tabs = [tab("Quick", Run::Quick), tab("Thorough", Run::Thorough)];
        let tabs = iced::widget::Row::with_children(tabs).spacing(cx.space(Space::Hair));
        let button = page::button(cx, "Measure", Kind::Primary).on_press_maybe(ready.clone());
        let fields = row![
            page::labelled(cx, "Run", tabs),
            field("Model size", "bench-size", 110.0, &self.size, Message::Size),
            field("Samples", "bench-samples", 80.0, &self.samples, Message::Samples),
            field("Cores", "bench-cores", 80.0, &self.cores, Message::Cores),
            button,
        ]
        .spacing(cx.space(Space::Normal))
        .align_y(iced::alignment::Vertical::Bottom)
        .wrap()
        .vertical_spacing(cx.space(Space::Narrow));
        let about = match self.length {
            Run::Quick => "Some seconds: a first impression.",
            Run::Thorough => "A minute or two: figures to keep. Leave the machine alone meanwhile.",
        };
        let danger = |theme: &Theme| text::Style { color: Some(theme.palette().danger) };
        let faults = [
            ("Model size", self.size().err()),
            ("Samples", self.samples().err()),
            ("Cores", self.cores().err()),
        ];
        let faults = faults.into_iter().filter_map(|(name, fault)| {
            let line = page::printable(&format!("{name}: {}", fault?));
            Some(page::body(cx, line).style(danger).into())
        });
        let faults: Vec<Element<'a, M>> = faults.collect();
        let below = if faults.is_empty() {
            Column::new().push(page::small(cx, about))
        } else {
            Column::with_children(faults)
        };
        column![fields, below].spacing(cx.space(Space::Narrow)).into()
    }
}

/// Reads a number within a range.
fn within(text: &str, range: &std::ops::RangeInclusive<u32>) -> Result<u32, String> {
    let number = text.trim().parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        format!("`{text}` is not a whole number from {} to {}", range.start(), range.end())
    })
}

#[cfg(test)]
mod tests {
    use super::{Form, Message, Run};

    #[test]
    fn a_plan_is_made_of_what_can_be() {
        let mut form = Form::default();
        form.update(Message::Length(Run::Thorough));
        form.update(Message::Size("8 MiB".to_owned()));
        form.update(Message::Samples(" 3 ".to_owned()));
        form.update(Message::Cores("2".to_owned()));
        let plan = form.plan().unwrap();
        assert_eq!((plan.bytes, plan.samples, plan.cores), (8 << 20, 3, 2));
        assert_eq!(plan.chunks, 1_000_000);
        for wrong in [
            Message::Size("1KiB".to_owned()),
            Message::Size("2GiB".to_owned()),
            Message::Size("much".to_owned()),
            Message::Samples("2".to_owned()),
            Message::Samples("-".to_owned()),
            Message::Cores("0".to_owned()),
            Message::Cores("257".to_owned()),
        ] {
            let mut form = form.clone();
            form.update(wrong.clone());
            assert!(form.plan().is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn another_length_brings_its_own_size_and_keeps_the_cores() {
        let mut form = Form::default();
        form.update(Message::Cores("1".to_owned()));
        form.update(Message::Size("much".to_owned()));
        form.update(Message::Length(Run::Thorough));
        let plan = form.plan().unwrap();
        assert_eq!((plan.bytes, plan.samples, plan.cores), (64 << 20, 15, 1));
    }
}
