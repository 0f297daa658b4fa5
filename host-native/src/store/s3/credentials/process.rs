//! The credentials that a program of the user's prints (`credential_process` of a profile).

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::answer::{Miss, failed, shown};
use super::{document, words};
use crate::credentials::Credentials;
use crate::error::ErrorKind;

/// A program may ask its user for a code, or open a keychain.
const LIMIT: Duration = Duration::from_secs(60);
/// The most that it may print.
const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// Runs the program and reads what it prints. `profile` is shown in errors.
pub(super) async fn run(command: &str, profile: &str) -> Result<Credentials, Miss> {
    run_within(command, profile, LIMIT).await
}

async fn run_within(command: &str, profile: &str, limit: Duration) -> Result<Credentials, Miss> {
    let name = format!("credential_process of the profile {profile:?}");
    let words = words::split(command)
        .map_err(|why| failed(ErrorKind::Settings, format!("{name}: {why}; correct it")))?;
    let Some((program, arguments)) = words.split_first() else {
        return Err(failed(ErrorKind::Settings, format!("{name} is empty; give a command")));
    };
    let mut child = Command::new(program)
        .args(arguments)
        // The command's own input may hold rows.
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            let message = format!("{name}: cannot start {program:?}: {error}; correct the profile");
            failed(ErrorKind::Settings, message)
        })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (printed, said) = tokio::join!(read(stdout), read(stderr));
        (printed, said, child.wait().await)
    };
    let Ok((printed, said, status)) = tokio::time::timeout(limit, work).await else {
        // No error that asks for another try: it would take as long again.
        let message = format!(
            "{name}: {program:?} did not end within {} s, so it was ended",
            limit.as_secs()
        );
        return Err(failed(ErrorKind::Denied, message));
    };
    let status = status
        .map_err(|error| failed(ErrorKind::Unavailable, format!("{name}: {program:?}: {error}")))?;
    if !status.success() {
        let said = shown(&String::from_utf8_lossy(&said));
        let said = if said.is_empty() { "it says nothing".to_owned() } else { said };
        let message = format!("{name}: {program:?} failed with {status}: {said}");
        return Err(failed(ErrorKind::Denied, message));
    }
    if printed.len() > OUTPUT_BYTES_MAX {
        let message = format!(
            "{name}: {program:?} printed more than {OUTPUT_BYTES_MAX} bytes; it must \
                print one JSON object"
        );
        return Err(failed(ErrorKind::Settings, message));
    }
    document::read(&String::from_utf8_lossy(&printed), "SessionToken").map_err(|why| {
        let message = format!("{name}: what {program:?} printed is of no use: {why}");
        failed(ErrorKind::Settings, message)
    })
}

/// All that comes, but no more than one byte above the bound is kept.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Some(mut pipe) = pipe else { return bytes };
    let mut slice = [0; 4_096];
    // A pipe that breaks has ended; the exit code says more.
    while let Ok(count @ 1..) = pipe.read(&mut slice).await {
        let room = (OUTPUT_BYTES_MAX + 1).saturating_sub(bytes.len());
        bytes.extend_from_slice(&slice[..count.min(room)]);
    }
    bytes
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const PRINTS: &str = r#"echo '{"Version":1,"AccessKeyId":"AK","SecretAccessKey":"SK"}'"#;

    async fn ran(script: &str, limit: Duration) -> Result<Credentials, String> {
        let command = format!("/bin/sh -c '{}'", script.replace('\'', r"'\''"));
        run_within(&command, "work", limit).await.map_err(|miss| match miss {
            Miss::Failed(error) => error.to_string(),
            Miss::Unset(why) => panic!("{why}"),
        })
    }

    #[tokio::test]
    async fn what_a_program_prints_is_read() {
        assert_eq!(ran(PRINTS, LIMIT).await.unwrap().access_key, "AK");
        let noisy = format!("head -c 300000 /dev/zero >&2; {PRINTS}");
        assert_eq!(ran(&noisy, LIMIT).await.unwrap().secret_key, "SK");
    }

    #[tokio::test]
    async fn a_program_that_fails_is_quoted_and_one_without_end_is_ended() {
        for (script, parts) in [
            ("echo the session is over >&2; exit 3", &["work", "/bin/sh", "session is over"][..]),
            ("exit 4", &["exit status: 4", "says nothing"]),
            ("head -c 300000 /dev/zero", &["more than 65536 bytes"]),
            ("echo hello", &["not JSON"]),
            // Its own input is not to be read.
            ("cat", &["not JSON"]),
        ] {
            let error = ran(script, LIMIT).await.unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{script}: {error}");
        }
        let Err(Miss::Failed(error)) =
            run_within("/bin/sh -c 'sleep 100000'", "work", Duration::from_millis(50)).await
        else {
            panic!("it ended")
        };
        assert!(error.to_string().contains("did not end within"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Denied, "it must not be started again");
        for (command, part) in
            [("", "empty"), ("'x", "quote"), ("/no/such/program", "cannot start")]
        {
            let Err(Miss::Failed(error)) = run(command, "work").await else { panic!("{command}") };
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
