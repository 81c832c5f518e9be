//! How the screen looks.

use app::pairing::own_label;
use app::settings::{Setting, Settings, Start, Theme};
use iced::widget::{Column, Row, Space as Gap, column, row, text};
use iced::{Center, Element, Fill, FillPortion, Length};

use super::draft::Stand;
use super::{Message, Preferences, Section};
use crate::context::Context;
use crate::screen::Place;
use crate::theme::Space;
use crate::widget::control::Kind;
use crate::widget::page;

/// The text sizes that can be chosen here, in percent.
const TEXT_STEPS: [u16; 8] = [75, 90, 100, 110, 125, 150, 175, 200];
/// How wide the window has to be, at scale 1, for names and fields to stand beside each other.
const WIDE: f32 = 860.0;

pub(super) fn view<'a>(screen: &'a Preferences, cx: &Context<'a>) -> Element<'a, Message> {
    let sections = Section::ALL.map(|section| {
        let rows = match section {
            Section::Folders => folders(screen, cx),
            Section::Addresses => addresses(screen, cx),
            Section::Limits => limits(screen, cx),
            Section::Appearance => appearance(screen, cx),
            Section::Start => start(screen, cx),
            Section::Notifications => notifications(screen, cx),
            Section::Receipts => receipts(screen, cx),
        };
        card(screen, cx, section, rows)
    });
    let content = Column::with_children(sections).spacing(cx.space(Space::Normal));
    page::page(cx, "Settings", Vec::new(), content)
}

/// A part of the screen, with the button that makes everything in it as it was.
fn card<'a>(
    screen: &Preferences,
    cx: &Context<'_>,
    section: Section,
    rows: Vec<Element<'a, Message>>,
) -> Element<'a, Message> {
    let reset = page::button(cx, "As it was made", Kind::Quiet);
    let reset: Element<'a, Message> = if section.is_as_made(&screen.settings) {
        // As high as the button, so that nothing moves when it comes.
        Gap::new().height(cx.text(crate::theme::Text::Body) * 1.3 + 6.0).into()
    } else {
        reset.on_press(Message::Reset(section)).into()
    };
    let head =
        row![page::heading(cx, section.name()), Gap::new().width(Fill), reset].align_y(Center);
    let rows = Column::with_children(rows).spacing(cx.space(Space::Normal));
    page::card(cx, column![head, rows].spacing(cx.space(Space::Narrow))).into()
}

/// A name with what it means, and what is set.
fn line<'a>(
    cx: &Context<'_>,
    name: &'static str,
    meaning: &'static str,
    control: impl Into<Element<'a, Message>>,
) -> Element<'a, Message> {
    let told = column![page::body(cx, name), page::small(cx, meaning)];
    if cx.size.width < WIDE * cx.scale.factor() {
        return column![told, control.into()].spacing(cx.space(Space::Hair)).into();
    }
    row![told.width(FillPortion(2)), Column::new().push(control).width(FillPortion(3))]
        .spacing(cx.space(Space::Wide))
        .into()
}

/// A field with its button and how what is typed stands.
fn field<'a>(
    screen: &'a Preferences,
    cx: &Context<'_>,
    setting: Setting,
    placeholder: &str,
    more: Vec<Element<'a, Message>>,
) -> Element<'a, Message> {
    let Some(draft) = screen.drafts.get(setting) else { return Gap::new().into() };
    let ready = (draft.stand == Stand::Ready).then_some(Message::Save(setting));
    let input =
        page::field(cx, placeholder, &draft.text, move |text| Message::Typed(setting, text))
            .id(setting.as_str())
            .on_submit_maybe(ready.clone())
            .width(width(cx, setting));
    let save = page::button(cx, "Save", Kind::Plain).on_press_maybe(ready);
    let controls = Row::new()
        .push(input)
        .extend(more)
        .push(save)
        .spacing(cx.space(Space::Narrow))
        .align_y(Center);
    let danger = |theme: &iced::Theme| text::Style { color: Some(theme.palette().danger) };
    let stand: Element<'a, Message> = match &draft.stand {
        Stand::Wrong(why) => {
            let line = page::capital(&page::printable(&format!("{why}.")));
            page::small(cx, line).style(danger).into()
        }
        Stand::Saved => page::small(cx, "Saved.").into(),
        Stand::Ready => page::small(cx, "Not saved yet: press Enter or Save.").into(),
        // The line is kept, so that nothing moves while one types.
        Stand::Same => page::small(cx, " ").into(),
    };
    column![controls, stand].spacing(2.0).into()
}

/// How wide a field is: numbers are short.
fn width(cx: &Context<'_>, setting: Setting) -> Length {
    match setting {
        Setting::UploadLimit
        | Setting::PeerLimit
        | Setting::DownloadLimit
        | Setting::Connections => Length::Fixed(cx.scale.factor() * 140.0),
        Setting::Listen => Length::Fixed(cx.scale.factor() * 240.0),
        _ => Fill,
    }
}

/// Words of which one is chosen.
fn choice<'a>(
    cx: &Context<'_>,
    setting: Setting,
    settings: &Settings,
    words: impl IntoIterator<Item = (String, String)>,
) -> Element<'a, Message> {
    let set = settings.text(setting);
    let tabs = words
        .into_iter()
        .map(|(word, shown)| page::tab(cx, shown, word == set, Message::Put(setting, word)).into());
    Row::with_children(tabs)
        .spacing(cx.space(Space::Hair))
        .wrap()
        .vertical_spacing(cx.space(Space::Hair))
        .into()
}

fn check<'a>(
    cx: &Context<'_>,
    setting: Setting,
    settings: &Settings,
    words: &'static str,
) -> Element<'a, Message> {
    let is_set = settings.text(setting) == "yes";
    let other = if is_set { "no" } else { "yes" };
    page::check(cx, words, is_set, Message::Put(setting, other.to_owned())).into()
}

fn folders<'a>(screen: &'a Preferences, cx: &Context<'_>) -> Vec<Element<'a, Message>> {
    let folders = screen.folders.as_ref().and_then(|looked| looked.as_ref().ok());
    let shown = |path: &std::path::Path| page::printable(&path.display().to_string());
    let data = folders.map_or_else(String::new, |folders| shown(&folders.data));
    let downloads = folders.and_then(|folders| folders.downloads.as_deref());
    let placeholder = downloads.map_or_else(|| "the whole path of a folder".to_owned(), shown);
    let choose = page::button(cx, "Choose…", Kind::Plain).on_press(Message::Choose);
    let imports = field(screen, cx, Setting::Imports, &placeholder, vec![choose.into()]);
    let mut lines = vec![
        line(
            cx,
            "Library",
            "The key, the pieces and the logs. Start with --data-dir DIR for another.",
            page::body(cx, data),
        ),
        line(
            cx,
            "Imports",
            "Where finished models go. Left empty, they go to the downloads folder.",
            imports,
        ),
    ];
    if let Some(Err(problem)) = &screen.folders {
        lines.push(page::problem(cx, problem, Vec::new()));
    }
    if folders.is_some_and(|folders| !folders.is_there) {
        let warning = "This folder is not there: make it, or set another, before you import.";
        let note = page::body(cx, warning);
        lines.push(page::note(cx, note, crate::theme::style::warned).into());
    }
    lines
}

fn addresses<'a>(screen: &'a Preferences, cx: &Context<'_>) -> Vec<Element<'a, Message>> {
    let label = own_label(cx.book.own).map_or_else(|_| String::new(), |label| label.to_string());
    vec![
        line(
            cx,
            "Take calls at",
            "An address of this machine and a port; 0.0.0.0 is all addresses. Used the next time \
             something is served.",
            field(screen, cx, Setting::Listen, "0.0.0.0:9410", Vec::new()),
        ),
        line(
            cx,
            "Tickets and offers say",
            "Where peers call this machine, with commas between. Left empty, its address in its \
             own network.",
            field(screen, cx, Setting::Addresses, "mmp://192.168.1.20:9410", Vec::new()),
        ),
        line(
            cx,
            "Name on tickets",
            "What the other side sees. Left empty, a part of the peer id.",
            field(screen, cx, Setting::Label, &label, Vec::new()),
        ),
    ]
}

fn limits<'a>(screen: &'a Preferences, cx: &Context<'_>) -> Vec<Element<'a, Message>> {
    let storage = page::button(cx, "Storage", Kind::Quiet).on_press(Message::Go(Place::Storage));
    let quota =
        row![page::small(cx, "How much the library may take is set on"), storage].align_y(Center);
    vec![
        line(
            cx,
            "To peers",
            "Bytes a second from 4KiB up, such as 2MiB, or none. Used at once, by running transfers too.",
            field(screen, cx, Setting::UploadLimit, "none", Vec::new()),
        ),
        line(
            cx,
            "To each peer",
            "The same for each of them.",
            field(screen, cx, Setting::PeerLimit, "none", Vec::new()),
        ),
        line(
            cx,
            "From peers",
            "The same for what is fetched.",
            field(screen, cx, Setting::DownloadLimit, "none", Vec::new()),
        ),
        line(
            cx,
            "Connections",
            "The most at a time, from 1 to 1024; fewer where the system allows fewer.",
            field(screen, cx, Setting::Connections, "64", Vec::new()),
        ),
        quota.into(),
    ]
}

fn appearance<'a>(screen: &'a Preferences, cx: &Context<'_>) -> Vec<Element<'a, Message>> {
    let settings = &screen.settings;
    let themes = Theme::ALL.map(|theme| (theme.as_str().to_owned(), page::capital(theme.as_str())));
    let mut steps: Vec<u16> = TEXT_STEPS.to_vec();
    if !steps.contains(&settings.text_percent) {
        // It was set by the command, to something in between.
        steps.push(settings.text_percent);
        steps.sort_unstable();
    }
    let steps = steps.into_iter().map(|step| (step.to_string(), format!("{step} %")));
    vec![
        line(
            cx,
            "Colours",
            "System follows the desktop.",
            choice(cx, Setting::Theme, settings, themes),
        ),
        line(
            cx,
            "Text size",
            "Spaces grow with it.",
            choice(cx, Setting::TextPercent, settings, steps),
        ),
    ]
}

fn start<'a>(screen: &'a Preferences, cx: &Context<'_>) -> Vec<Element<'a, Message>> {
    let starts = Start::ALL.map(|start| {
        let shown = match start {
            Start::Library => "Library",
            Start::Last => "Last screen",
        };
        (start.as_str().to_owned(), shown.to_owned())
    });
    vec![line(
        cx,
        "The window starts with",
        "Nothing is served or fetched by starting it.",
        choice(cx, Setting::Start, &screen.settings, starts),
    )]
}

fn notifications<'a>(screen: &'a Preferences, cx: &Context<'_>) -> Vec<Element<'a, Message>> {
    let words = "Tell the desktop when an import ends or needs a decision";
    vec![check(cx, Setting::Notify, &screen.settings, words)]
}

fn receipts<'a>(screen: &'a Preferences, cx: &Context<'_>) -> Vec<Element<'a, Message>> {
    let words = "Sign receipts with this machine's key";
    let meaning = "A signed receipt names this machine's peer id to whoever reads it.";
    vec![check(cx, Setting::SignReceipts, &screen.settings, words), page::small(cx, meaning).into()]
}
