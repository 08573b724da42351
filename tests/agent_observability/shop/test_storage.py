"""The databases: who may read them, what is said when they cannot be used, what is kept."""

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from agent_observability.shop.conversations import Conversations, Turn
from agent_observability.shop.customers import customer_of
from agent_observability.shop.database import Database, StorageError
from agent_observability.shop.handoffs import Handoff, Handoffs
from agent_observability.shop.orders import OrderBook
from agent_observability.shop.policies import PolicyIndex
from agent_observability.shop.references import canonical_reference, mentioned_reference
from agent_observability.shop.seed import open_shop

TURN = Turn("Where?", "Here.", "status", "answered", "ORDER-1")


@pytest.fixture(name="conversations")
def _conversations(tmp_path: Path) -> Database:
    database = Database(tmp_path / "conversations.db", lock_timeout_seconds=0.05)
    database.create("conversations", "handoffs")
    return database


def test_only_the_owner_may_read_a_database(tmp_path: Path) -> None:
    """Files are 0600 and a new folder 0700, whatever the umask allows."""
    shop = open_shop(tmp_path / "new" / "shop.db")
    assert stat.S_IMODE(shop.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(shop.path.parent.stat().st_mode) == 0o700


def test_a_damaged_database_is_one_sentence_and_is_kept(tmp_path: Path) -> None:
    """The message says what to do, and the file is left as it was found."""
    path = tmp_path / "conversations.db"
    path.write_bytes(b"not a database, but somebody's file" * 100)
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"is damaged; move it away .* `make reset`"):
        Database(path).create("conversations", "handoffs")
    assert path.read_bytes() == before


def test_a_locked_database_is_one_sentence_and_loses_nothing(conversations: Database) -> None:
    """A turn that cannot be written is an error; what was remembered before is still there."""
    memory = Conversations(conversations)
    memory.remember("usr", "conv", TURN)
    with closing(sqlite3.connect(conversations.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError, match="is locked by another program"):
            memory.remember("usr", "conv", TURN)
        with pytest.raises(StorageError, match="is locked by another program"):
            memory.recall("usr", "conv")
    assert memory.recall("usr", "conv") == [TURN]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    """AGENT_DATA_DIR below a file is named as the cause."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="check AGENT_DATA_DIR"):
        open_shop(tmp_path / "file" / "shop.db")


def test_a_write_that_fails_is_undone(conversations: Database) -> None:
    """Half a transaction is never kept."""
    insert = "INSERT INTO handoffs (actor, conversation_id, reason) VALUES ('usr', 'conv', ?)"
    with pytest.raises(StorageError), conversations.writing() as connection:
        connection.executemany(insert, [("first",), ("the conversation has one already",)])
    assert Handoffs(conversations).find("usr", "conv") is None


def test_memory_is_by_actor_and_conversation(conversations: Database) -> None:
    """Another actor with the same id, and another spelling of the id, see and change nothing."""
    memory = Conversations(conversations)
    memory.remember("usr", "conv", TURN)
    memory.remember("other", "conv", TURN)
    memory.remember("usr", "CONV", TURN)
    assert memory.recall("usr", "conv") == [TURN]
    assert memory.recall("nobody", "conv") == []


def test_memory_is_the_last_twenty_turns_in_order(conversations: Database) -> None:
    """A long conversation does not grow what every turn reads."""
    memory = Conversations(conversations)
    turns = [Turn(str(n), "", "status", "answered", "") for n in range(25)]
    for turn in turns:
        memory.remember("usr", "conv", turn)
    assert memory.recall("usr", "conv") == turns[5:]


def test_values_are_never_sql(conversations: Database) -> None:
    """Quotes and statements in a value are stored as they are."""
    evil = "x'); DROP TABLE turns; --"
    memory = Conversations(conversations)
    memory.remember(evil, evil, Turn(evil, evil, evil, evil, evil))
    assert memory.recall(evil, evil) == [Turn(evil, evil, evil, evil, evil)]


def test_a_conversation_has_one_handoff(conversations: Database) -> None:
    """Asking again gives the same record; another actor's is another."""
    handoffs = Handoffs(conversations)
    assert handoffs.find("usr", "conv") is None
    assert handoffs.open("usr", "conv", "asked") == Handoff(1, "asked")
    assert handoffs.open("usr", "conv", "refund_limit") == Handoff(1, "asked")
    assert handoffs.open("other", "conv", "asked").id == "HANDOFF-1002"
    assert handoffs.find("usr", "conv") == Handoff(1, "asked")


def test_turns_from_many_threads_are_all_kept(tmp_path: Path) -> None:
    """Writers wait for one another."""
    conversations = Database(tmp_path / "conversations.db")
    conversations.create("conversations", "handoffs")
    memory = Conversations(conversations)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: memory.remember(f"usr{n}", "conv", TURN), range(100)))
    assert all(memory.recall(f"usr{n}", "conv") == [TURN] for n in range(100))


def test_the_shop_is_a_few_hundred_orders_of_many_customers(tmp_path: Path) -> None:
    """Three regions, five statuses; what is delayed, and only that, has a reason."""
    shop = open_shop(tmp_path / "shop.db")
    with shop.reading() as connection:
        rows = connection.execute("SELECT owner, region, status, reason FROM orders").fetchall()
    assert 200 < len(rows) < 500
    assert len({row[0] for row in rows}) > 100
    assert {row[1] for row in rows} == {"eu", "us", "global"}
    assert {row[2] for row in rows} == {
        "processing",
        "in_transit",
        "delayed",
        "delivered",
        "returned",
    }
    assert all(bool(reason) == (status == "delayed") for _, _, status, reason in rows)


def test_the_shop_is_the_same_everywhere_and_survives_a_second_opening(tmp_path: Path) -> None:
    """Two files hold the same rows; opening one again changes nothing."""
    dumps = []
    for name in ("a", "b", "a"):
        with open_shop(tmp_path / name).reading() as connection:
            dumps.append(connection.execute("SELECT * FROM orders ORDER BY reference").fetchall())
    assert dumps[0] == dumps[1] == dumps[2]


def test_the_chapters_order(tmp_path: Path) -> None:
    """ORDER-924 is its owner's, in the eu, delayed with a reason and a date; nobody else's."""
    book = OrderBook(open_shop(tmp_path / "shop.db"))
    order = book.find("usr_pseudo_7f31c2", "ORDER-924")
    assert order is not None
    assert (order.region, order.status, order.expected_on) == ("eu", "delayed", "2026-12-02")
    assert order.reason
    assert book.is_owned("usr_pseudo_7f31c2", "ORDER-924")
    assert not book.is_owned("usr_pseudo_b2c904", "ORDER-924")


def test_my_order_is_the_one_on_its_way(tmp_path: Path) -> None:
    """Without a reference, what is still moving comes before what has arrived."""
    book = OrderBook(open_shop(tmp_path / "shop.db"))
    order = book.find("usr_pseudo_7f31c2", "")
    assert order is not None
    assert order.reference == "ORDER-924"
    assert book.find("usr_pseudo_nobody", "") is None


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("ORDER-924", "ORDER-924"),
        (" order 924 ", "ORDER-924"),
        ("Order\u2013924", "ORDER-924"),
        ("#0924", "ORDER-924"),
        ("\uff2f\uff32\uff24\uff25\uff32\uff0d\uff19\uff12\uff14", "ORDER-924"),
        ("\u0669\u0662\u0664", "ORDER-924"),
        ("ORDER-", None),
        ("924; SELECT 1", None),
        ("ORDER-9999999999", None),
        ("", None),
    ],
)
def test_spellings_of_a_reference(text: str, reference: str | None) -> None:
    """Case, dashes, zeros and digits of other scripts do not matter; anything else is no reference."""
    assert canonical_reference(text) == reference


def test_a_reference_within_a_question() -> None:
    """The order that a sentence names is found; a bare number in it is not an order."""
    assert mentioned_reference("Where is order #925, please?") == "ORDER-925"
    assert mentioned_reference("I waited 12 days") is None


def test_customers_are_behind_a_role(tmp_path: Path) -> None:
    """Support sees who a pseudonym is; any other role is refused before anything is read."""
    shop = open_shop(tmp_path / "shop.db")
    customer = customer_of(shop, "usr_pseudo_7f31c2", role="support")
    assert customer is not None
    assert customer.email == "customer-0001@example.invalid"
    assert customer_of(shop, "usr_pseudo_nobody", role="support") is None
    with pytest.raises(PermissionError, match="Only the role `support`"):
        customer_of(Database(tmp_path / "absent.db"), "usr_pseudo_7f31c2", role="agent")
    assert not (tmp_path / "absent.db").exists()


@pytest.mark.parametrize(
    ("question", "region", "first"),
    [
        ("status Where is my order?", "eu", "delivery-eu"),
        ("delay Why is it late?", "us", "delay-us"),
        ("refund I want my money back", "eu", "refund-eu"),
        ("delay Why?", "global", "delay-global"),
        ("My cup is broken", "us", "damage-global"),
    ],
)
def test_policies_are_ranked(tmp_path: Path, question: str, region: str, first: str) -> None:
    """The best match of the region comes first, scores fall, and no other region's rule appears."""
    found = PolicyIndex(open_shop(tmp_path / "shop.db")).search(question, region)
    assert found[0].id == first
    assert [each.score for each in found] == sorted((p.score for p in found), reverse=True)
    assert {each.region for each in found} <= {region, "global"}


@pytest.mark.parametrize(
    "text", ['" OR 1=1', "NEAR(a b)", "topic:*", "()", "", "???", "\u00e9\u4e2d"]
)
def test_a_search_is_words_and_not_a_query_language(tmp_path: Path, text: str) -> None:
    """Operators of full-text search in a question are words like any other."""
    assert isinstance(PolicyIndex(open_shop(tmp_path / "shop.db")).search(text, "eu"), list)
