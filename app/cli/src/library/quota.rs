//! How much the library may take, and what goes when that is lowered.

use app::ports::{
    Accounts, Clock as _, Evictable, Lowering, PieceStore as _, Ports, Quota, QuotaOf,
};
use app::quantity::Size;
use serde_json::{Map, Value};

use super::{failed, with_evicted};
use crate::args::QuotaArgs;
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::prompt;
use crate::terminal::Terminal;

/// `library quota`.
///
/// # Errors
///
/// [`Fault`] if the quota cannot be set, or the answer is no.
pub(super) async fn run<P: Ports>(
    ports: &P,
    terminal: &mut Terminal,
    args: &QuotaArgs,
) -> Result<Outcome, Fault> {
    let mut gone = Vec::new();
    if let Some(Size(bytes)) = args.size {
        let of = args.model.clone().map_or(QuotaOf::Library, QuotaOf::Model);
        gone = set(ports, terminal, Quota { of, bytes }, args.yes).await?;
    } else if let Some(model) = args.model.as_ref().filter(|_| args.lift) {
        let had_one = ports.store().lift_quota(model.clone()).await.map_err(failed)?;
        terminal.say(&match had_one {
            true => format!("{model} has no quota of its own any more."),
            false => format!("{model} had no quota of its own."),
        });
    }
    let outcome = tell(ports, terminal).await?;
    Ok(with_evicted(outcome, &gone).told())
}

/// Sets a quota, and has go what no longer fits, after a yes to that; gives what went.
async fn set<P: Ports>(
    ports: &P,
    terminal: &mut Terminal,
    quota: Quota,
    yes: bool,
) -> Result<Vec<Evictable>, Fault> {
    let lowering = ports.store().would_lower(quota.clone()).await;
    let Lowering { over, goes } = lowering.map_err(failed)?;
    if over > 0 {
        let what = match &quota.of {
            QuotaOf::Library => "The library takes".to_owned(),
            QuotaOf::Model(id) => format!("All versions of {id} together take"),
        };
        let goes_or_stays = match goes.len() {
            0 => "What may go is not enough, so nothing goes, and nothing new fits.",
            _ => "These would go, in this order:",
        };
        terminal.say(&format!("{what} {} more than that. {goes_or_stays}", Size(over)));
        for model in &goes {
            terminal.say(&format!("  {model}, last used {}", model.last_use));
        }
        if !yes {
            let all_the_same = if goes.is_empty() { "all the same" } else { "and let them go" };
            let question = format!("Set the quota to {} {all_the_same}?", Size(quota.bytes));
            prompt::confirm(terminal, &question, "--yes")?;
        }
    }
    let agreed = goes.iter().map(|model| model.artifact).collect();
    let gone = ports.store().lower(quota, agreed, ports.clock().now()).await;
    let gone = gone.map_err(|error| Fault::blamed(&error))?;
    for model in &gone {
        terminal.say(&format!("Given up: {model} came free."));
    }
    Ok(gone)
}

/// Tells what is used, and what may be.
async fn tell<P: Ports>(ports: &P, terminal: &mut Terminal) -> Result<Outcome, Fault> {
    let accounts = ports.store().accounts().await.map_err(failed)?;
    let models = ports.store().model_quotas().await.map_err(failed)?;
    let Accounts { live, shared, index, reserved, quota, free } = accounts;
    for (name, bytes) in [
        ("models", live),
        ("shared", shared),
        ("index", index),
        ("reserved", reserved),
        ("quota", quota),
        ("disk free", free),
    ] {
        terminal.say(&format!("  {name:<11} {}", Size(bytes)));
    }
    let used = live.saturating_add(index).saturating_add(reserved);
    if used > quota {
        terminal.say(&format!(
            "The library takes {} more than the quota. Nothing goes for that alone; an import or a \
             share that wants room says what it gives up before it does.",
            Size(used - quota)
        ));
    }
    let cells =
        usize::try_from(u128::from(used) * 32 / u128::from(quota.max(1))).unwrap_or(32).min(32);
    terminal.say(&format!("  [{}{}]", "#".repeat(cells), ".".repeat(32 - cells)));
    for (model, bytes) in &models {
        terminal.say(&format!("  {model} may take {} in all versions together", Size(*bytes)));
    }
    let abilities = ports.store().abilities().told();
    for (name, can, what) in abilities {
        terminal.say(&format!("  {name:<11} {}: {what}", if can { "yes" } else { "no" }));
    }
    let abilities: Map<String, Value> =
        abilities.iter().map(|(name, can, _)| ((*name).to_owned(), (*can).into())).collect();
    let models: Map<String, Value> =
        models.iter().map(|(model, bytes)| (model.to_string(), (*bytes).into())).collect();
    Ok(Outcome::new()
        .with("live", live)
        .with("shared", shared)
        .with("index", index)
        .with("reserved", reserved)
        .with("quota", quota)
        .with("model_quotas", models)
        .with("free", free)
        .with("abilities", abilities))
}
