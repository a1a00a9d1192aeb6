//! Arguments that several commands share, and how they name a dataset and the spool.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::catalog;
use crate::config::Config;
use crate::exit::{Exit, Explain};
use crate::spool::Layout;

/// What `irispool run` takes besides the settings.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Deliver what is there, then exit
    #[arg(long)]
    pub once: bool,
}

/// What `irispool demo` takes.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The folder for the demo; the default is a fresh folder
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

/// Whether the folder with this label belongs to one of the named datasets. A dataset may have several names. If no
/// dataset is named, every folder does.
pub(super) fn is_of(datasets: &[String], label: &str) -> bool {
    let dataset = catalog::dataset_name(label);
    let is_it = |name: &String| {
        name.eq_ignore_ascii_case(label) || catalog::dataset_name(name).eq_ignore_ascii_case(&dataset)
    };
    datasets.is_empty() || datasets.iter().any(is_it)
}

/// Something that the command line names does not exist.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotThere {
    /// The folder of the spool does not exist.
    #[error("there is no spool at {}", path.display())]
    Spool { path: PathBuf },
    /// The catalog does not know the dataset, and the spool has no folder of it.
    #[error("there is no dataset {name}")]
    Dataset { name: String, near: Option<String> },
}

impl Explain for NotThere {
    fn hint(&self) -> Option<String> {
        Some(match self {
            NotThere::Spool { .. } => {
                "is this the right folder? --spool, IRISPOOL_SPOOL or irispool.toml say where the spool is"
                    .to_owned()
            }
            NotThere::Dataset { near: Some(near), .. } => format!("did you mean {near}?"),
            NotThere::Dataset { .. } => "irispool status --all lists the datasets".to_owned(),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            NotThere::Spool { .. } => Exit::CannotRun,
            NotThere::Dataset { .. } => Exit::Usage,
        }
    }
}

/// The spool that the settings name.
///
/// # Errors
/// If it does not exist.
pub(super) fn spool_of(config: &Config) -> Result<Layout, NotThere> {
    match config.spool.try_exists() {
        Ok(false) => Err(NotThere::Spool { path: config.spool.clone() }),
        _ => Ok(Layout::at(&config.spool).with_temporary_names(config.temporary_names.clone())),
    }
}

/// Refuses a dataset that is neither in the catalog nor among `there`, because it is mistyped.
pub(super) fn refuse_unknown(datasets: &[String], there: &[&str]) -> Result<(), NotThere> {
    let is_there = |name: &&String| there.iter().any(|label| is_of(std::slice::from_ref(*name), label));
    let is_known = |name: &&String| catalog::find(&catalog::dataset_name(name)).is_some();
    let Some(name) = datasets.iter().find(|name| !is_known(name) && !is_there(name)) else { return Ok(()) };
    let known = catalog::all().iter().map(|dataset| &*dataset.name).chain(there.iter().copied());
    let likeness =
        |other: &str| strsim::jaro_winkler(&other.to_ascii_uppercase(), &name.to_ascii_uppercase());
    let near = known.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    let near = near.filter(|near| likeness(near) > 0.8).map(str::to_owned);
    Err(NotThere::Dataset { name: name.clone(), near })
}
