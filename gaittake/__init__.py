"""GaitTAKE: gait recognition by temporal attention and keypoint-guided embedding.

Axis letters used in every docstring of this package:

    n  sequences in a batch     s  frames of a sequence or clip     c  channels
    h  rows of a feature map    w  columns of a feature map         p  horizontal parts (strips)
    k  keypoints (17, COCO)     d  numbers of one embedding

Frames are uint8 (0 or 255) on disk and in the cache, float32 in 0...1 inside a network. Keypoints
are (x, y, confidence).
"""

__version__ = "0.1.0"
