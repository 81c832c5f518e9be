//! What can be pressed, with the pointer or the keyboard.
//!
//! The toolkit's own buttons cannot be reached by the keyboard. A control can: Tab moves to it, a
//! frame shows that it has the keyboard, Enter and the space bar press it, and it can answer other
//! keys, as a list does.

#[cfg(test)]
mod tests;

use iced::advanced::widget::{Id, Operation, Tree, operation, tree};
use iced::advanced::{Clipboard, Layout, Shell, Widget, layout, mouse, overlay, renderer};
use iced::keyboard::key::Named;
use iced::keyboard::{self, Key, Modifiers};
use iced::{
    Background, Border, Color, Element, Event, Length, Padding, Rectangle, Renderer, Size, Theme,
    Vector, touch, window,
};

use crate::theme::style::RADIUS;
use crate::theme::tones;

/// What a control is for, which says how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What the screen is there for.
    Primary,
    /// Anything else that can be done.
    Plain,
    /// What cannot be undone.
    Danger,
    /// A word that leads somewhere.
    Quiet,
    /// One of several views, and whether it is shown.
    Tab(Chosen),
    /// A line of a list, and whether it is selected.
    Row(Chosen),
    /// A part that takes the keyboard and is not pressed, as a list.
    Area,
}

/// Whether a tab is shown or a row is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    /// It is.
    Yes,
    /// It is not.
    No,
}

impl From<bool> for Chosen {
    fn from(chosen: bool) -> Self {
        if chosen { Self::Yes } else { Self::No }
    }
}

/// What a key does to a control that has the keyboard.
type OnKey<'a, Message> = Box<dyn Fn(&Key, Modifiers) -> Option<Message> + 'a>;

/// Something that can be pressed.
pub struct Control<'a, Message> {
    content: Element<'a, Message>,
    kind: Kind,
    on_press: Option<Message>,
    on_key: Option<OnKey<'a, Message>>,
    id: Option<Id>,
    reach: Reach,
    size: Size<Length>,
    padding: Padding,
    status: Option<Status>,
}

/// Whether Tab stops at a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Keyboard,
    Pointer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Idle,
    Hovered,
    Pressed,
    Disabled,
}

/// A control around the content.
pub fn control<'a, Message>(
    content: impl Into<Element<'a, Message>>,
    kind: Kind,
) -> Control<'a, Message> {
    let content = content.into();
    let padding = match kind {
        Kind::Primary | Kind::Plain | Kind::Danger => Padding::from([7.0, 14.0]),
        Kind::Tab(_) => Padding::from([6.0, 12.0]),
        Kind::Quiet => Padding::from([3.0, 6.0]),
        Kind::Row(_) => Padding::from([6.0, 10.0]),
        Kind::Area => Padding::ZERO,
    };
    let size = content.as_widget().size_hint();
    Control {
        size: Size::new(size.width.fluid(), size.height.fluid()),
        content,
        kind,
        on_press: None,
        on_key: None,
        id: None,
        reach: Reach::Keyboard,
        padding,
        status: None,
    }
}

impl<'a, Message> Control<'a, Message> {
    /// What pressing it says; a control that says nothing is shown as one that cannot be pressed.
    #[must_use]
    pub fn on_press(mut self, message: Message) -> Self {
        self.on_press = Some(message);
        self
    }

    /// What pressing it says, if it can be pressed now.
    #[must_use]
    pub fn on_press_maybe(mut self, message: Option<Message>) -> Self {
        self.on_press = message;
        self
    }

    /// What a key says while the control has the keyboard.
    #[must_use]
    pub fn on_key(mut self, on_key: impl Fn(&Key, Modifiers) -> Option<Message> + 'a) -> Self {
        self.on_key = Some(Box::new(on_key));
        self
    }

    /// The name by which operations find it.
    #[must_use]
    pub fn id(mut self, id: impl Into<Id>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Leaves it to the pointer: what it is in answers the keyboard for it, as a list for its lines.
    #[must_use]
    pub fn pointer_only(mut self) -> Self {
        self.reach = Reach::Pointer;
        self
    }

    /// Sets the width.
    #[must_use]
    pub fn width(mut self, width: impl Into<Length>) -> Self {
        self.size.width = width.into();
        self
    }

    /// Sets the height.
    #[must_use]
    pub fn height(mut self, height: impl Into<Length>) -> Self {
        self.size.height = height.into();
        self
    }

    /// Sets the room around the content.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding>) -> Self {
        self.padding = padding.into();
        self
    }

    fn takes_keyboard(&self) -> bool {
        self.reach == Reach::Keyboard && (self.on_press.is_some() || self.on_key.is_some())
    }

    fn style(&self, theme: &Theme, status: Status) -> Look {
        let (tones, palette) = (tones(theme), theme.palette());
        let lit = status == Status::Hovered || status == Status::Pressed;
        let clear = Color::TRANSPARENT;
        let (ground, text, line) = match self.kind {
            Kind::Primary => (shade(palette.primary, status), tones.on_primary, clear),
            Kind::Danger => {
                (if lit { tones.failed } else { tones.surface }, palette.danger, palette.danger)
            }
            Kind::Plain => {
                (if lit { tones.hovered } else { tones.surface }, palette.text, tones.line)
            }
            Kind::Quiet => (if lit { tones.hovered } else { clear }, palette.primary, clear),
            Kind::Tab(Chosen::Yes) | Kind::Row(Chosen::Yes) => {
                (tones.selected, palette.text, clear)
            }
            Kind::Tab(Chosen::No) | Kind::Row(Chosen::No) => {
                (if lit { tones.hovered } else { clear }, palette.text, clear)
            }
            Kind::Area => (clear, palette.text, clear),
        };
        match status {
            Status::Disabled if self.kind != Kind::Area && !matches!(self.kind, Kind::Row(_)) => {
                Look { ground: tones.sunken, text: tones.muted, line: tones.line }
            }
            _ => Look { ground, text, line },
        }
    }
}

struct Look {
    ground: Color,
    text: Color,
    line: Color,
}

fn shade(colour: Color, status: Status) -> Color {
    match status {
        Status::Hovered => Color { a: 0.9, ..colour },
        Status::Pressed => Color { a: 0.8, ..colour },
        Status::Idle | Status::Disabled => colour,
    }
}

#[derive(Debug, Default)]
struct Memory {
    focus: Focus,
    is_pressed: bool,
}

/// Whether a control has the keyboard, and whether it is shown: a click need not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Focus {
    #[default]
    None,
    Quiet,
    Shown,
}

impl operation::Focusable for Memory {
    fn is_focused(&self) -> bool {
        self.focus != Focus::None
    }

    fn focus(&mut self) {
        self.focus = Focus::Shown;
    }

    fn unfocus(&mut self) {
        self.focus = Focus::None;
    }
}

impl<Message: Clone> Widget<Message, Theme, Renderer> for Control<'_, Message> {
    fn tag(&self) -> tree::Tag {
        tree::Tag::of::<Memory>()
    }

    fn state(&self) -> tree::State {
        tree::State::new(Memory::default())
    }

    fn children(&self) -> Vec<Tree> {
        vec![Tree::new(&self.content)]
    }

    fn diff(&self, tree: &mut Tree) {
        tree.diff_children(std::slice::from_ref(&self.content));
        if !self.takes_keyboard() {
            tree.state.downcast_mut::<Memory>().focus = Focus::None;
        }
    }

    fn size(&self) -> Size<Length> {
        self.size
    }

    fn layout(
        &mut self,
        tree: &mut Tree,
        renderer: &Renderer,
        limits: &layout::Limits,
    ) -> layout::Node {
        let Size { width, height } = self.size;
        layout::padded(limits, width, height, self.padding, |limits| match &mut tree.children[..] {
            [child, ..] => self.content.as_widget_mut().layout(child, renderer, limits),
            [] => layout::Node::default(),
        })
    }

    fn operate(
        &mut self,
        tree: &mut Tree,
        layout: Layout<'_>,
        renderer: &Renderer,
        operation: &mut dyn Operation,
    ) {
        operation.container(self.id.as_ref(), layout.bounds());
        if self.takes_keyboard() {
            let memory = tree.state.downcast_mut::<Memory>();
            operation.focusable(self.id.as_ref(), layout.bounds(), memory);
        }
        operation.traverse(&mut |operation| {
            if let (Some(child), Some(layout)) =
                (tree.children.first_mut(), layout.children().next())
            {
                self.content.as_widget_mut().operate(child, layout, renderer, operation);
            }
        });
    }

    fn update(
        &mut self,
        tree: &mut Tree,
        event: &Event,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        renderer: &Renderer,
        clipboard: &mut dyn Clipboard,
        shell: &mut Shell<'_, Message>,
        viewport: &Rectangle,
    ) {
        if let (Some(child), Some(layout)) = (tree.children.first_mut(), layout.children().next()) {
            let content = self.content.as_widget_mut();
            content.update(child, event, layout, cursor, renderer, clipboard, shell, viewport);
        }
        let bounds = layout.bounds();
        let is_over = cursor.is_over(bounds);
        let memory = tree.state.downcast_mut::<Memory>();
        match event {
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left))
            | Event::Touch(touch::Event::FingerPressed { .. }) => {
                let had = memory.focus != Focus::None;
                memory.focus = Focus::None;
                // A list keeps the keyboard when one of its lines takes the click.
                if is_over && self.takes_keyboard() && self.on_key.is_some() {
                    memory.focus = Focus::Quiet;
                }
                if is_over && self.on_press.is_some() && !shell.is_event_captured() {
                    memory.is_pressed = true;
                    if self.takes_keyboard() {
                        memory.focus = Focus::Quiet;
                    }
                    shell.capture_event();
                }
                if had != (memory.focus != Focus::None) || memory.is_pressed {
                    shell.request_redraw();
                }
            }
            Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left))
            | Event::Touch(touch::Event::FingerLifted { .. })
                if memory.is_pressed =>
            {
                memory.is_pressed = false;
                if let Some(message) = self.on_press.as_ref().filter(|_| is_over) {
                    shell.publish(message.clone());
                }
                shell.capture_event();
                shell.request_redraw();
            }
            Event::Touch(touch::Event::FingerLost { .. }) => memory.is_pressed = false,
            Event::Keyboard(keyboard::Event::KeyPressed { key, modifiers, repeat, .. })
                if memory.focus != Focus::None && !shell.is_event_captured() =>
            {
                let presses = matches!(key, Key::Named(Named::Enter | Named::Space))
                    && !repeat
                    && modifiers.is_empty();
                let message = match &self.on_key {
                    Some(on_key) => on_key(key, *modifiers),
                    None => None,
                };
                let message = message.or_else(|| self.on_press.clone().filter(|_| presses));
                if let Some(message) = message {
                    memory.focus = Focus::Shown;
                    shell.publish(message);
                    shell.capture_event();
                    shell.request_redraw();
                }
            }
            _ => {}
        }
        let status = match () {
            () if self.on_press.is_none() => Status::Disabled,
            () if is_over && memory.is_pressed => Status::Pressed,
            () if is_over => Status::Hovered,
            () => Status::Idle,
        };
        if let Event::Window(window::Event::RedrawRequested(_)) = event {
            self.status = Some(status);
        } else if self.status.is_some_and(|shown| shown != status) {
            shell.request_redraw();
        }
    }

    fn mouse_interaction(
        &self,
        tree: &Tree,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        viewport: &Rectangle,
        renderer: &Renderer,
    ) -> mouse::Interaction {
        if self.on_press.is_some() && cursor.is_over(layout.bounds()) {
            return mouse::Interaction::Pointer;
        }
        match (tree.children.first(), layout.children().next()) {
            (Some(child), Some(layout)) => self
                .content
                .as_widget()
                .mouse_interaction(child, layout, cursor, viewport, renderer),
            _ => mouse::Interaction::default(),
        }
    }

    fn draw(
        &self,
        tree: &Tree,
        renderer: &mut Renderer,
        theme: &Theme,
        style: &renderer::Style,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        viewport: &Rectangle,
    ) {
        use iced::advanced::Renderer as _;

        let bounds = layout.bounds();
        let idle = if self.on_press.is_some() { Status::Idle } else { Status::Disabled };
        let look = self.style(theme, self.status.unwrap_or(idle));
        let memory = tree.state.downcast_ref::<Memory>();
        let line = if look.line.a > 0.0 { 1.0 } else { 0.0 };
        let border = Border { color: look.line, width: line, radius: RADIUS.into() };
        renderer.fill_quad(
            renderer::Quad { bounds, border, ..renderer::Quad::default() },
            Background::Color(look.ground),
        );
        let text_color = if self.kind == Kind::Area { style.text_color } else { look.text };
        if let (Some(child), Some(layout)) = (tree.children.first(), layout.children().next()) {
            let style = renderer::Style { text_color };
            self.content.as_widget().draw(child, renderer, theme, &style, layout, cursor, viewport);
        }
        if memory.focus == Focus::Shown {
            // Two lines, so that the frame is seen on whatever the control is filled with.
            let palette = theme.palette();
            for (inset, colour) in [(0.0, palette.text), (2.0, palette.background)] {
                let bounds = bounds.shrink(inset);
                let width = if inset == 0.0 { 2.0 } else { 1.0 };
                let border = Border { color: colour, width, radius: (RADIUS - inset / 2.0).into() };
                renderer.with_layer(*viewport, |renderer| {
                    renderer.fill_quad(
                        renderer::Quad { bounds, border, ..renderer::Quad::default() },
                        Background::Color(Color::TRANSPARENT),
                    );
                });
            }
        }
    }

    fn overlay<'b>(
        &'b mut self,
        tree: &'b mut Tree,
        layout: Layout<'b>,
        renderer: &Renderer,
        viewport: &Rectangle,
        translation: Vector,
    ) -> Option<overlay::Element<'b, Message, Theme, Renderer>> {
        let (child, layout) = (tree.children.first_mut()?, layout.children().next()?);
        self.content.as_widget_mut().overlay(child, layout, renderer, viewport, translation)
    }
}

impl<'a, Message: Clone + 'a> From<Control<'a, Message>> for Element<'a, Message> {
    fn from(control: Control<'a, Message>) -> Self {
        Self::new(control)
    }
}
