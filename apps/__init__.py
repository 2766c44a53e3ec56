"""The rooms of the product, each a Django app or a package of them."""
