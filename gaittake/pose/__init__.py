"""Stage one: keypoints in silhouettes. A teacher labels colour frames, a student learns from it."""
