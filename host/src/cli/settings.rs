//! The files that values of `config` and `env` are in: looked at before anything is built.

use crate::{
    app::open_settings,
    manifest::{Manifest, Report},
    renewal::is_open_to_all,
};

/// That they can be read, or what is wrong with them, each at its key. One that all may read is
/// a warning, as a key of TLS is.
pub fn look(manifest: &Manifest) -> Result<(), Report> {
    open_settings(manifest)?;
    let files = manifest.services.iter().flat_map(|service| service.setting_files().map(move |file| (service, file)));
    for (service, file) in files.filter(|(_, file)| is_open_to_all(file.path)) {
        let (path, name, table, key) = (file.path.display(), &service.name, file.table, file.key);
        tracing::warn!(
            "whoever is on this machine may read `{path}`, which has `service.{name}.{table}.{key}`; run `chmod o-r {path}`"
        );
    }
    Ok(())
}
