"""Stage one: keypoints in silhouettes, from a student that a teacher of RGB frames labels for."""
