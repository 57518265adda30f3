"""From the model's stream to sentences that may be shown: support, check, citations, composition."""
