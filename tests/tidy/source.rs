//! Tokens of Rust source code, without comments, literals and test modules.

/// Line number and text of a word or sign.
pub(crate) type Token<'a> = (usize, &'a str);

/// Parses a file into tokens, without `#[cfg(test)]` items.
pub(crate) fn code(text: &str) -> Vec<Token<'_>> {
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < text.len() {
        let (length, is_code) = next(&text[at..]);
        let token = &text[at..at + length];
        tokens.extend(is_code.then_some((line, token)));
        line += token.matches('\n').count();
        at += length;
    }
    let mut rest = &tokens[..];
    let mut code = Vec::new();
    while let [token, others @ ..] = rest {
        rest = after_test_item(rest).unwrap_or_else(|| {
            code.push(*token);
            others
        });
    }
    code
}

/// Length of the next token; false for white space, comments and literals.
fn next(rest: &str) -> (usize, bool) {
    let end = |start: usize, end: &str| {
        let found = rest[start..].find(end);
        found.map_or(rest.len(), |at| start + at + end.len())
    };
    let name = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (name, after) = rest.split_at(name.unwrap_or(rest.len()));
    let hashes = after.len() - after.trim_start_matches('#').len();
    if rest.starts_with("//") {
        (end(2, "\n"), false)
    } else if rest.starts_with("/*") {
        (end(2, "*/"), false)
    } else if ["r", "br"].contains(&name) && after[hashes..].starts_with('"') {
        let close = ["\"", &after[..hashes]].concat();
        (end(name.len() + hashes + 1, &close), false)
    } else if rest.starts_with(['"', '\'']) && !is_lifetime(rest) {
        let mut escaped = true;
        let close = rest.find(|c| {
            let is_close = !escaped && rest.starts_with(c);
            escaped = !escaped && c == '\\';
            is_close
        });
        (close.map_or(rest.len(), |close| close + 1), false)
    } else if !name.is_empty() {
        (name.len(), true)
    } else if rest.starts_with("::") {
        (2, true)
    } else {
        let sign = rest.chars().next().unwrap_or(' ');
        (sign.len_utf8(), !sign.is_whitespace())
    }
}

fn is_lifetime(rest: &str) -> bool {
    rest.starts_with('\'') && !rest.starts_with("'\\") && rest.chars().nth(2) != Some('\'')
}

/// Returns the tokens after a leading `#[cfg(test)]` item, or `None` without that item.
fn after_test_item<'a, 'b>(tokens: &'b [Token<'a>]) -> Option<&'b [Token<'a>]> {
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    if !tokens.iter().map(|token| token.1).take(7).eq(attribute) {
        return None;
    }
    let mut depth = 0;
    let end = tokens.iter().position(|(_, token)| {
        depth += i32::from(*token == "{") - i32::from(*token == "}");
        depth == 0 && ["}", ";"].contains(token)
    });
    Some(&tokens[end? + 1..])
}

#[test]
fn comments_literals_and_test_modules_are_no_code() {
    let text = r##"
        // crate::a
        /* crate::b */
        const TEXT: &str = "crate::c \" \\"; const RAW: &[u8] = br#"crate::" d"#;
        const SIGNS: [char; 3] = ['"', '\'', '\u{41}']; fn e<'a>(f: &'a str) {}
        #[cfg(test)]
        mod tests {
            fn crate_g() {}
        }
        end"##;
    let tokens: Vec<_> = code(text).iter().map(|token| token.1).collect();
    let expected = "const TEXT : & str = ; const RAW : & [ u8 ] = ; const SIGNS : [ char ; 3 ] \
                    = [ , , ] ; fn e < ' a > ( f : & ' a str ) { } end";
    assert_eq!(tokens.join(" "), expected);
    assert_eq!(code(text).last(), Some(&(10, "end")));
}
