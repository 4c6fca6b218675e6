//! `mingzhang post --bank-returns`: a bank's file becomes one voucher, seen before it is posted.

use std::fs;

use super::told;
use crate::refusals::example;
use crate::server::Server;

const HEAD: &str = "bank_ref,account,date,amount_yuan,direction,status\n";
/// The payment of 4 September, and that of the 5th, of which 800.00 are left.
const KNOWN: &str = "B20160904-024,ba5420b0d80eff60e5b324d6bff31743,2017-07-06,3000.00,in,returned\n\
    B20160905-025,54e473181fa935c20b49a8096c76144d,2017-07-06,800.00,in,returned\n\
    B20161015-030,8f7988b7db07fd1c437caec300136541,2017-07-06,12.00,out,ok\n";
const UNKNOWN: &str = "B20160904-999,ba5420b0d80eff60e5b324d6bff31743,2017-07-06,1.00,in,returned\n\
    B20160904-024,441424901201,2017-07-06,1.00,in,returned\n";

fn run(args: &str) -> (i32, String, String) {
    told(&args.split(' ').collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bank_returned_is_shown_and_posted_once_after_a_yes() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("l");
    let server = Server::fresh(&data).await;
    example(&server);
    let file = dir.path().join("bank.csv");
    fs::write(&file, format!("{HEAD}{KNOWN}")).unwrap();
    let post = format!("post --bank-returns {} --to {}", file.display(), server.address);
    let paid = || run(&format!("balance household 44142490120100013 --data {}", data.display())).1;
    let before = paid();

    // Nobody said yes.
    let (code, shown, said) = run(&post);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("nothing was posted"), "{said}");
    assert!(
        shown.contains("VC441424901201/2016-09-003/1") && shown.contains("3,800.00"),
        "{shown}"
    );
    let (code, shown, said) = run(&format!("{post} --prepare"));
    assert_eq!(code, 0, "{said}");
    let prepared = dir.path().join("bank.returns.jsonl");
    let text = fs::read_to_string(&prepared).unwrap();
    assert_eq!(text.lines().count(), 3);
    let digest = shown.lines().find_map(|line| line.strip_prefix("content digest ")).unwrap();
    assert_eq!(digest.len(), 64, "{shown}");
    assert_eq!(paid(), before);

    let (code, shown, said) = run(&format!("{post} --yes"));
    assert_eq!((code, shown.contains("1 posted")), (0, true), "{shown}{said}");
    assert_ne!(paid(), before);
    let after = paid();
    // The same file again is a retry.
    let (code, shown, _) = run(&format!("{post} --yes"));
    assert_eq!((code, shown.contains("1 posted before")), (0, true), "{shown}");
    assert_eq!(paid(), after);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_their_payment_are_told_by_line_and_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::fresh(&dir.path().join("l")).await;
    example(&server);
    let file = dir.path().join("bank.csv");
    let post = format!("post --bank-returns {} --yes --to {}", file.display(), server.address);
    fs::write(&file, format!("{HEAD}{UNKNOWN}")).unwrap();
    let (code, shown, said) = run(&post);
    assert_eq!((code, shown.as_str()), (1, "no returned payment\n"), "{said}");
    assert!(said.contains("bank.csv:2: no payment of 1.00 yuan") && said.contains("bank.csv:3: "));
    // The others are posted.
    fs::write(&file, format!("{HEAD}{UNKNOWN}{KNOWN}")).unwrap();
    let (code, shown, said) = run(&post);
    assert_eq!((code, shown.contains("1 posted")), (1, true), "{shown}{said}");
    // Two payments that it may mean: without a reference both the 3,000.00 of October, which is reversed, and the 300.00.
    let unclear = ",8f7988b7db07fd1c437caec300136541,2017-07-06,200.00,in,returned\n";
    fs::write(&file, format!("{HEAD}{unclear}")).unwrap();
    let (code, _, said) = run(&post);
    assert_eq!((code, said.contains("bank.csv:2: ambiguous")), (1, true), "{said}");
    // A file that is none posts nothing.
    fs::write(&file, format!("{HEAD}{KNOWN}B1,44,x,1,in,returned\n")).unwrap();
    let (code, shown, said) = run(&post);
    assert_eq!((code, shown.as_str()), (2, ""), "{said}");
    assert!(said.contains("bank.csv:5, date: not a date"), "{said}");
    server.stop().await;
}
