"""Stage one: keypoints for silhouettes, learnt from a teacher that sees the RGB frames."""
