//! Commands on the program itself.

use super::{Carried, Installation, Resident};
use crate::command::program::{Changed, ResetSetting, SetSetting, ShowSettings, Shown};
use crate::command::{Done, Refused};
use crate::problem::Problem;
use crate::settings::Setting;

impl<I: Installation> Carried<I> for ShowSettings {
    async fn carry_out(self, resident: &Resident<I>) -> Result<Done<Shown>, Refused<Shown>> {
        let settings = resident.installation.settings()?;
        let all = Setting::ALL.map(|setting| (setting, settings.text(setting)));
        Ok(Shown { settings: all.into() }.into())
    }
}

impl<I: Installation> Carried<I> for SetSetting {
    async fn carry_out(self, resident: &Resident<I>) -> Result<Done<Changed>, Refused<Changed>> {
        let Self { name, value } = self;
        let installation = &resident.installation;
        let new = installation.settings()?.with(name, &value).map_err(|error| {
            let advice = format!("It takes {}.", name.takes());
            Problem { advice, ..Problem::coded(&error) }
        })?;
        let new = installation.change_settings(|now| now.taking(name, &new))?;
        Ok(Changed::of(name, &new).into())
    }
}

impl<I: Installation> Carried<I> for ResetSetting {
    async fn carry_out(self, resident: &Resident<I>) -> Result<Done<Changed>, Refused<Changed>> {
        let name = self.name;
        let new = resident.installation.change_settings(|now| now.as_made(name))?;
        Ok(Changed::of(name, &new).into())
    }
}
