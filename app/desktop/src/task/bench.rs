//! The work of the screen `bench`.

use std::sync::Arc;

use app::ports::Ports;
use app::settings::Settings;
use iced::Task;

use crate::screen::bench::{Message, Work};
use crate::wiring::Opened;

/// Starts the work; what comes of it comes as messages.
pub fn start<P: Ports + 'static>(
    _opened: &Arc<Opened<P>>,
    _settings: &Settings,
    work: Work,
) -> Task<Message> {
    match work {}
}
