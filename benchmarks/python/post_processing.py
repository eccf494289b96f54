"""Times DB post-processing in Python, to compare with.

Takes MAP.npy:HEIGHT:WIDTH arguments: a probability map and the size of its image. For each line on
stdin it runs every map once and prints a JSON list of {"milliseconds", "boxes"}. Rotated
rectangles, fast score, thresholds 0.3 / 0.6 / 1.5, as PaddleOCR's detectors are evaluated.
"""

import json
import sys
import time

import cv2
import numpy
import pyclipper
from shapely.geometry import Polygon

THRESHOLD = 0.3
BOX_THRESHOLD = 0.6
UNCLIP_RATIO = 1.5
MAX_CANDIDATES = 1000
MIN_SIZE = 3


def enclose(points):
    """Corners of the smallest rectangle, clockwise from the left upper one, and its short side."""
    rectangle = cv2.minAreaRect(points)
    corners = sorted(cv2.boxPoints(rectangle).tolist(), key=lambda corner: corner[0])
    left = sorted(corners[:2], key=lambda corner: corner[1])
    right = sorted(corners[2:], key=lambda corner: corner[1])
    return numpy.array([left[0], right[0], right[1], left[1]]), min(rectangle[1])


def mean_inside(probabilities, corners):
    """Mean probability inside a box, over the pixels of its filled outline."""
    height, width = probabilities.shape
    x_low = int(numpy.clip(numpy.floor(corners[:, 0].min()), 0, width - 1))
    x_high = int(numpy.clip(numpy.ceil(corners[:, 0].max()), 0, width - 1))
    y_low = int(numpy.clip(numpy.floor(corners[:, 1].min()), 0, height - 1))
    y_high = int(numpy.clip(numpy.ceil(corners[:, 1].max()), 0, height - 1))
    mask = numpy.zeros((y_high - y_low + 1, x_high - x_low + 1), numpy.uint8)
    outline = (corners - [x_low, y_low]).astype(numpy.int32)
    cv2.fillPoly(mask, [outline], 1)
    return cv2.mean(probabilities[y_low : y_high + 1, x_low : x_high + 1], mask)[0]


def grow(corners):
    """Moves the sides of a box outwards by area x ratio / perimeter, corners rounded."""
    polygon = Polygon(corners)
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(corners.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    return offset.Execute(polygon.area * UNCLIP_RATIO / polygon.length)


def find_boxes(probabilities, source_height, source_width):
    """Boxes in pixels of the image, and their scores."""
    height, width = probabilities.shape
    binary = (probabilities > THRESHOLD).astype(numpy.uint8)
    contours, _ = cv2.findContours(binary, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    boxes, scores = [], []
    for contour in contours[:MAX_CANDIDATES]:
        corners, short_side = enclose(contour)
        if short_side < MIN_SIZE:
            continue
        score = mean_inside(probabilities, corners)
        if score < BOX_THRESHOLD:
            continue
        grown = grow(corners)
        if len(grown) != 1:
            continue
        corners, short_side = enclose(numpy.array(grown[0], numpy.int32).reshape(-1, 1, 2))
        if short_side < MIN_SIZE + 2:
            continue
        x = numpy.clip(numpy.round(corners[:, 0] / width * source_width), 0, source_width)
        y = numpy.clip(numpy.round(corners[:, 1] / height * source_height), 0, source_height)
        boxes.append(numpy.stack([x, y], axis=1).astype(numpy.int32))
        scores.append(score)
    return boxes, scores


def main():
    maps = []
    for argument in sys.argv[1:]:
        path, height, width = argument.rsplit(":", 2)
        maps.append((numpy.load(path), int(height), int(width)))
    for _ in sys.stdin:
        results = []
        for probabilities, height, width in maps:
            start = time.perf_counter()
            boxes, _ = find_boxes(probabilities, height, width)
            elapsed = (time.perf_counter() - start) * 1000
            results.append({"milliseconds": elapsed, "boxes": len(boxes)})
        print(json.dumps(results), flush=True)


if __name__ == "__main__":
    main()
