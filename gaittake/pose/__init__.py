"""Stage one: keypoints in silhouettes. A teacher labels RGB frames; a student learns from them."""
