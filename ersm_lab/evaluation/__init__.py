"""What every suite needs, and the suites over any classifier and any segmentation network. Knows no paper."""
