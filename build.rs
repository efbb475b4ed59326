//! Unpacks Swagger UI from the crate that carries its release, and compresses the files for the binary.

use std::borrow::Cow;
use std::error::Error;
use std::fs::File;
use std::io::{self, Cursor};
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// Files of the release that the page needs, from the folder `dist`.
const FILES: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let directory = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for name in FILES {
        let end = format!("/dist/{name}");
        let is_wanted = |path: &Cow<'_, str>| path.ends_with(&end);
        let path = archive.file_names().flatten().find(is_wanted);
        let path = path.map(Cow::into_owned);
        let path = path.ok_or_else(|| format!("the release has no {name}"))?;
        let compressed = File::create(directory.join(format!("{name}.gz")))?;
        let mut encoder = GzEncoder::new(compressed, Compression::best());
        io::copy(&mut archive.by_name(&path)?, &mut encoder)?;
        encoder.finish()?;
    }
    Ok(())
}
