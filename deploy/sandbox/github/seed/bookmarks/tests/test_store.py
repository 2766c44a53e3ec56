import unittest

from bookmarks.store import Store


class StoreTest(unittest.TestCase):
    def setUp(self) -> None:
        self.store = Store(":memory:")

    def test_newest_bookmark_comes_first(self) -> None:
        self.store.add("https://example.org/a", "A")
        self.store.add("https://example.org/b", "B")
        self.assertEqual([each.title for each in self.store.all()], ["B", "A"])

    def test_same_address_is_kept_once_with_the_new_title(self) -> None:
        self.store.add("https://example.org", "Old")
        self.store.add("https://example.org", "New")
        self.assertEqual([each.title for each in self.store.all()], ["New"])

    def test_bookmark_without_a_title_is_called_by_its_address(self) -> None:
        self.assertEqual(self.store.add("https://example.org", " ").title, "https://example.org")

    def test_other_schemes_are_refused(self) -> None:
        with self.assertRaises(ValueError):
            self.store.add("javascript:alert(1)", "Bad")

    def test_search_looks_at_title_and_address(self) -> None:
        self.store.add("https://example.org/python", "A language")
        self.store.add("https://example.org/tea", "Green tea")
        self.assertEqual([each.title for each in self.store.all("PYTHON")], ["A language"])
        self.assertEqual([each.title for each in self.store.all("green")], ["Green tea"])

    def test_removed_bookmark_is_gone(self) -> None:
        kept = self.store.add("https://example.org", "A")
        self.assertTrue(self.store.remove(kept.id))
        self.assertFalse(self.store.remove(kept.id))
