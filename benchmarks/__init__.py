"""Measurements that the documents show; none of them is needed to run the demo."""
