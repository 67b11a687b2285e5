//! The command as its users meet it: arguments and files in; what it prints, writes and exits with out.

mod cli {
    mod about;
    mod bad_input;
    mod check;
    mod replay;
    mod simulate;
    mod test;
    mod typed;
}
