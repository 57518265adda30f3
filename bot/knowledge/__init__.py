"""What the coach knows: articles, tip cards, routes and the organisation's documents, and the index built from them."""
