//! Completions and man pages, asked for as shells and `man` do.
#![cfg(unix)]
// A test's own check is its panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// What stands before the cursor, and a word that must be offered there.
const OFFERED: &[(&str, &str)] = &[
    ("coldpress pu", "put"),
    ("coldpress wal arch", "archive"),
    ("coldpress put --coll", "--collection"),
    ("coldpress put --nulls exp", "explicit"),
];

#[test]
fn bash_completes_commands_options_and_values() {
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("coldpress");
    fs::write(&script, script_of("bash")).unwrap();
    for (line, offered) in OFFERED {
        // The function that bash would call, by the name that the script registers, with the
        // variables that bash would set.
        let asked = format!(
            "source {script}; \
             function=$(complete -p coldpress | sed 's/.* -F \\([^ ]*\\) .*/\\1/'); \
             COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=({line}); \
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             \"$function\" coldpress \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script = script.display(),
        );
        let words =
            said(shell("bash", folder.path()).args(["--noprofile", "--norc", "-c", &asked]));
        assert_eq!(words.lines().collect::<Vec<_>>(), [*offered], "after {line:?}");
    }
}

#[test]
fn fish_completes_commands_options_and_values() {
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("coldpress.fish");
    fs::write(&script, script_of("fish")).unwrap();
    for (line, offered) in OFFERED {
        let asked = format!("source {}; complete --do-complete '{line}'", script.display());
        let words = said(shell("fish", folder.path()).args(["--no-config", "-c", &asked]));
        // Behind each word stands its description.
        let words: Vec<&str> = words.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(words, [*offered], "after {line:?}");
    }
}

#[test]
fn zsh_completes_commands_options_and_values() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("_coldpress"), script_of("zsh")).unwrap();
    fs::write(folder.path().join("ask.zsh"), ZSH).unwrap();
    for (line, offered) in OFFERED {
        let mut zsh = shell("zsh", folder.path());
        let completed = said(zsh.args(["-f", "ask.zsh", line]));
        // A space behind a whole word, an equals sign behind an option that has a value.
        let completed = completed.trim_end_matches(['\n', ' ', '=']);
        let typed = line.rsplit_once(' ').unwrap().0;
        assert_eq!(completed, format!("{typed} {offered}"), "after {line:?}");
    }
}

/// zsh completes only what someone types. So a terminal of its own gets the line and a tab, and
/// then a key that prints the line between marks. Every read waits for a mark.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'show() { print -rn -- "@begin@$BUFFER@end@" }; zle -N show; bindkey "^X^X" show'
zpty -w shell "fpath=($PWD \$fpath); autoload -Uz compinit; compinit -u -D; PS1='@rea''dy@'"
zpty -r shell output '*@ready@'
zpty -w -n shell "$1"$'\t\C-X\C-X'
zpty -r shell output '*@begin@*@end@'
output=${output##*@begin@}
print -r -- "${output%@end@}"
zpty -d shell
"#;

#[test]
fn other_shells_have_their_script_and_unknown_ones_are_named() {
    assert!(script_of("elvish").contains("edit:completion:arg-completer[coldpress]"));
    assert!(script_of("powershell").contains("Register-ArgumentCompleter"));
    let refused = coldpress(&["completions", "ksh"]);
    assert_eq!(refused.status.code(), Some(2));
    let line = String::from_utf8(refused.stderr).unwrap();
    assert!(line.contains("invalid value 'ksh'") && line.contains("fish"), "{line}");
}

#[test]
fn hidden_commands_are_not_offered() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = script_of(shell);
        assert!(!script.contains("man pages"), "{shell}");
        assert!(script.contains("completions"), "{shell}");
    }
}

#[test]
fn every_command_has_a_man_page_that_renders_without_a_warning() {
    let folder = TempDir::new().unwrap();
    let pages = folder.path().join("man");
    let written = coldpress(&["man", pages.to_str().unwrap()]);
    assert!(written.status.success(), "{written:?}");
    let mut names: Vec<String> = fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, expected_pages());
    for name in &names {
        let mut man = Command::new("man");
        man.args(["--warnings", "--local-file"]).arg(pages.join(name));
        man.env("LC_ALL", "C.UTF-8").env("MANROFFSEQ", "").env("MANWIDTH", "100");
        let page = run(&mut man);
        assert!(page.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&page.stderr));
        let text = String::from_utf8(page.stdout).unwrap();
        assert!(text.contains("SYNOPSIS") && text.contains("--help"), "{name}: {text}");
    }
}

/// One page for each command that `--help` lists, at every level.
fn expected_pages() -> Vec<String> {
    let mut pages = vec!["coldpress.1".to_owned()];
    for command in commands(&[]) {
        let nested = commands(&[&command]);
        pages.extend(nested.iter().map(|nested| format!("coldpress-{command}-{nested}.1")));
        pages.push(format!("coldpress-{command}.1"));
    }
    pages.sort();
    assert!(pages.contains(&"coldpress-wal-archive.1".to_owned()), "{pages:?}");
    pages
}

/// The subcommands that the help of a command lists, `help` itself left out.
fn commands(of: &[&str]) -> Vec<String> {
    let help = coldpress(&[of, &["--help"]].concat());
    let help = String::from_utf8(help.stdout).unwrap();
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    lines
        .take_while(|line| !line.is_empty())
        // What a description needs more lines for stands further right.
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn coldpress(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_coldpress")).args(arguments).output().unwrap()
}

fn script_of(shell: &str) -> String {
    let printed = coldpress(&["completions", shell]);
    assert!(printed.status.success() && printed.stderr.is_empty(), "{printed:?}");
    String::from_utf8(printed.stdout).unwrap()
}

/// A shell that reads none of the tester's own files. `timeout` ends one that hangs.
fn shell(program: &str, home: &Path) -> Command {
    let found = Command::new(program).arg("--version").output();
    assert!(found.is_ok_and(|found| found.status.success()), "{}", advice(program));
    let mut shell = Command::new("timeout");
    shell.args(["300", program]);
    shell.current_dir(home).env("HOME", home).env("TERM", "dumb").env_remove("ZDOTDIR");
    shell.env("XDG_CONFIG_HOME", home).env("XDG_DATA_HOME", home);
    shell
}

/// What it prints, where it reports no error.
fn said(shell: &mut Command) -> String {
    let output = run(shell);
    assert!(output.status.success() && output.stderr.is_empty(), "{shell:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn run(command: &mut Command) -> Output {
    let program = command.get_program().to_str().unwrap().to_owned();
    command.output().unwrap_or_else(|error| panic!("{}: {error}", advice(&program)))
}

fn advice(program: &str) -> String {
    let package = if program == "man" { "man-db" } else { program };
    format!("{program} is missing; run: cargo xtask setup, or: sudo apt-get install {package}")
}
