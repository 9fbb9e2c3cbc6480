//! An upgrade opens the same stable memory again.

use super::*;
use crate::flight::Landing;

#[test]
fn a_book_that_is_opened_again_knows_all_it_knew() {
    let memory = VectorMemory::default();
    let mut book = TestBook::open(memory.clone(), settings());
    ok(book.deposit(account(1), FUNDS, None, NOW).map(|(block, _)| block));
    ok(book.approve(approval(1, 2, 500), NOW));
    ok(book.transfer(Transfer { created_at_time: Some(NOW), ..transfer(1, 3, 50) }, NOW));
    let flight = ok(book.depart(withdrawal(1, 100), NOW));
    let before = snapshot(&book);
    drop(book);

    let mut book = TestBook::open(memory, Settings { fee: 77, ..settings() });
    assert_eq!(snapshot(&book), before);
    assert_eq!(book.settings(), &settings());
    let again = book.transfer(Transfer { created_at_time: Some(NOW), ..transfer(1, 3, 50) }, NOW);
    assert_eq!(again, Err(Refusal::Duplicate { duplicate_of: 2, canister_id: None }));
    assert_eq!(book.land(flight, Landing::Failed { returned: 100 }, NOW).refund_block, Some(4));
    assert_balanced(&book);
}
