"""What stands in a toy street, in metres, and where a pinhole camera sees it.

Coordinates: x to the right, y up from the ground, z ahead of the camera.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

Point = tuple[float, float]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Camera:
    """At 1.5 m above the ground, looking along the street; ``horizon`` in rows, ``x`` in metres."""

    height: int
    width: int
    horizon: float
    x: float = 0.0

    @property
    def focal(self) -> float:
        return 0.75 * self.width

    def see(self, x: float, y: float, z: float) -> Point:
        scale = self.focal / z
        return (self.width / 2 + (x - self.x) * scale, self.horizon + (1.5 - y) * scale)

    def upright(self, x: float, z: float, low: float, high: float, half: float) -> list[Point]:
        """A rectangle that faces the camera, at least one pixel wide."""
        left, top = self.see(x - half, high, z)
        right, bottom = self.see(x + half, low, z)
        return [(left, top), (right, top), (right, bottom), (left, bottom)]

    def shape(self, x: float, z: float, points: list[Point]) -> list[Point]:
        """Points ``(metres right of x, metres above the ground)`` of a flat shape that faces the camera."""
        return [self.see(x + dx, y, z) for dx, y in points]


@dataclass(frozen=True)
class Thing:
    """One annotated polygon in pixels, its colour, and polygons painted inside it."""

    label: str
    polygon: list[Point]
    colour: Colour
    details: list[tuple[Colour, list[Point]]] = field(default_factory=list)


def street(rng: np.random.Generator, camera: Camera) -> list[Thing]:
    """A street's things, far ones first; the car's own bonnet last."""
    road, kerb = rng.uniform(3.2, 5.0), rng.uniform(2.0, 3.5)
    found = list(_ground(rng, camera, road, road + kerb))
    for _, things in sorted(_standing(rng, camera, road, road + kerb), key=lambda pair: -pair[0]):
        found += things
    left, right = rng.uniform(0.05, 0.25), rng.uniform(0.75, 0.95)
    top = camera.height * rng.uniform(0.94, 0.97)
    bonnet = [(left * camera.width, camera.height), (0.35 * camera.width, top), (0.65 * camera.width, top)]
    bonnet.append((right * camera.width, camera.height))
    found.append(Thing("ego vehicle", bonnet, _near(rng, (60, 60, 65), 20)))
    return found


def _near(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    red, green, blue = (int(v) for v in np.clip(np.array(colour) + rng.normal(0, spread, 3), 0, 255))
    return red, green, blue


def _ground(rng: np.random.Generator, camera: Camera, road: float, kerb: float) -> Iterator[Thing]:
    width, height = camera.width, camera.height
    sky = [(0.0, 0.0), (width, 0.0), (width, camera.horizon + 1), (0.0, camera.horizon + 1)]
    yield Thing("sky", sky, _near(rng, (165, 190, 215), 18))
    far, near = 90.0, 2.0
    down = [(0.0, camera.horizon), (width, camera.horizon), (width, height), (0.0, height)]
    yield Thing("terrain", down, _near(rng, (115, 125, 80), 14))
    for name, half, colour in (("sidewalk", kerb, (135, 125, 125)), ("road", road, (95, 92, 97))):
        plane = [camera.see(x, 0, z) for x, z in ((-half, near), (-half, far), (half, far), (half, near))]
        lines = []
        if name == "road":  # markings are road, only painted
            for z in np.arange(rng.uniform(3, 6), 40, 6):
                lines.append(
                    (
                        (200, 200, 200),
                        [
                            camera.see(x, 0, z + dz)
                            for x, dz in ((-0.08, 0), (-0.08, 2.5), (0.08, 2.5), (0.08, 0))
                        ],
                    )
                )
        yield Thing(name, plane, _near(rng, colour, 9), lines)


def _standing(
    rng: np.random.Generator, camera: Camera, road: float, kerb: float
) -> Iterator[tuple[float, list[Thing]]]:
    """``(distance, things)``; what belongs together stays together."""
    for side in (-1, 1):
        z = rng.uniform(6, 12)
        edge = kerb + rng.uniform(0.5, 3)
        while z < 80:
            depth = rng.uniform(8, 20)
            if rng.random() < 0.72:
                # houses lie behind everything else
                yield z + 200, [_house(rng, camera, side * edge, z, depth)]
            else:
                yield z + 150, list(_trees(rng, camera, side * (edge + 1), z, depth))
            z += depth
        if rng.random() < 0.55:
            start, end = sorted(rng.uniform(6, 45, 2))
            yield 140.0, [_fence(rng, camera, side * (kerb + 0.2), start, end + 4)]
        for z in np.arange(rng.uniform(6, 12), 60, rng.uniform(9, 16)):
            yield z, list(_pole(rng, camera, side * (road + rng.uniform(0.3, 0.8)), float(z), side))
    for _ in range(rng.integers(2, 7)):
        z = float(rng.uniform(7, 40))
        yield z, list(_person(rng, camera, float(rng.choice([-1, 1]) * rng.uniform(road, kerb)), z))
    for _ in range(rng.integers(1, 4)):
        z = float(rng.uniform(8, 32))
        yield z, list(_rider(rng, camera, float(rng.uniform(-1, 1) * (road - 0.4)), z))
    for _ in range(rng.integers(2, 6)):
        z = float(rng.uniform(9, 55))
        yield z, [_vehicle(rng, camera, float(rng.choice([-1, 1]) * rng.uniform(1.4, road - 0.9)), z)]


def _house(rng: np.random.Generator, camera: Camera, x: float, z: float, depth: float) -> Thing:
    tall = rng.uniform(5, 13)
    far = z + depth
    wall = [camera.see(x, 0, z), camera.see(x, tall, z), camera.see(x, tall, far), camera.see(x, 0, far)]
    out = x + np.sign(x) * 40
    front = [camera.see(out, 0, z), camera.see(out, tall, z)]
    windows = []
    for floor in np.arange(1.5, tall - 1.5, 3):
        for place in np.arange(z + 1, far - 1.5, 3):
            corners = ((floor, place), (floor + 1.5, place), (floor + 1.5, place + 1.4), (floor, place + 1.4))
            windows.append((_near(rng, (70, 75, 85), 8), [camera.see(x, y, at) for y, at in corners]))
    colour = _near(rng, ((150, 120, 105), (125, 125, 120), (165, 150, 125))[rng.integers(3)], 14)
    # the facade along the street, and the side that faces the camera
    return Thing("building", [*front, *wall[1:], wall[0]], colour, windows)


def _trees(rng: np.random.Generator, camera: Camera, x: float, z: float, depth: float) -> Iterator[Thing]:
    for place in sorted(rng.uniform(z, z + depth, 3), reverse=True):
        radius, tall = rng.uniform(1.5, 3), rng.uniform(3, 6)
        yield Thing("pole", camera.upright(x, place, 0, tall, 0.12), _near(rng, (85, 70, 55), 8))
        angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        reach = radius * rng.uniform(0.75, 1.1, 12)
        crown = [
            (float(r * np.cos(a)), float(tall + r * np.sin(a))) for r, a in zip(reach, angles, strict=True)
        ]
        yield Thing("vegetation", camera.shape(x, place, crown), _near(rng, (75, 105, 50), 14))


def _fence(rng: np.random.Generator, camera: Camera, x: float, start: float, end: float) -> Thing:
    tall = rng.uniform(0.9, 1.6)
    plane = [camera.see(x, y, z) for y, z in ((0, start), (tall, start), (tall, end), (0, end))]
    gaps = []
    for z in np.arange(start + 0.3, end - 0.5, 0.9):
        corners = ((0.15, z), (tall - 0.15, z), (tall - 0.15, z + 0.5), (0.15, z + 0.5))
        gaps.append((_near(rng, (120, 125, 100), 8), [camera.see(x, y, at) for y, at in corners]))
    return Thing("fence", plane, _near(rng, (150, 130, 120), 14), gaps)


def _pole(rng: np.random.Generator, camera: Camera, x: float, z: float, side: int) -> Iterator[Thing]:
    tall = rng.uniform(2.6, 6)
    yield Thing(
        "pole", camera.upright(x, z, 0, tall, rng.uniform(0.06, 0.11)), _near(rng, (110, 110, 112), 16)
    )
    what = rng.random()
    at = x - side * 0.1
    if what < 0.45:
        half = rng.uniform(0.3, 0.5)
        colour = _near(
            rng, ((40, 80, 170), (190, 40, 40), (210, 190, 40), (205, 205, 205))[rng.integers(4)], 12
        )
        middle = min(tall, 3.2)
        corners = [(-half, middle), (0.0, middle + half), (half, middle), (0.0, middle - half)]
        square = [
            (-half, middle + half),
            (half, middle + half),
            (half, middle - half),
            (-half, middle - half),
        ]
        yield Thing("traffic sign", camera.shape(at, z, corners if rng.random() < 0.4 else square), colour)
    elif what < 0.75:
        box = camera.upright(at, z, tall - 1.0, tall, 0.24)
        lamp = int(rng.integers(3))
        glow = ((220, 50, 40), (230, 190, 60), (60, 210, 110))[lamp]
        bulb = camera.upright(at, z, tall - 0.34 * lamp - 0.32, tall - 0.34 * lamp - 0.06, 0.13)
        yield Thing("traffic light", box, _near(rng, (45, 48, 42), 8), [(glow, bulb)])


def _body(
    rng: np.random.Generator, camera: Camera, x: float, z: float, foot: float, tall: float
) -> tuple[list[Point], list[tuple[Colour, list[Point]]]]:
    """A human outline from ``foot`` to ``tall`` metres, and its head and legs to paint."""
    h = tall - foot
    half = [(0.10, 0.0), (0.12, 0.45), (0.24, 0.5), (0.22, 0.8), (0.07, 0.84), (0.11, 0.92), (0.07, 1.0)]
    outline = [(dx, foot + y * h) for dx, y in half] + [(-dx, foot + y * h) for dx, y in reversed(half)]
    head = [(dx, foot + y * h) for dx, y in ((-0.1, 0.86), (0.1, 0.86), (0.09, 0.99), (-0.09, 0.99))]
    legs = [(dx, foot + y * h) for dx, y in ((-0.11, 0.0), (0.11, 0.0), (0.11, 0.45), (-0.11, 0.45))]
    parts = [(_near(rng, (190, 150, 125), 25), head), (_near(rng, (55, 55, 75), 18), legs)]
    return camera.shape(x, z, outline), [(colour, camera.shape(x, z, part)) for colour, part in parts]


def _person(rng: np.random.Generator, camera: Camera, x: float, z: float) -> Iterator[Thing]:
    outline, parts = _body(rng, camera, x, z, 0.0, rng.uniform(1.5, 1.95))
    yield Thing("person", outline, _near(rng, (120, 80, 85), 45), parts)


def _rider(rng: np.random.Generator, camera: Camera, x: float, z: float) -> Iterator[Thing]:
    """A rider over a bicycle or motorcycle, seen half from the side."""
    outline, parts = _body(rng, camera, x, z, 0.55, rng.uniform(1.65, 1.95))
    motor = rng.random() < 0.3
    long, tall = (0.85, 1.0) if motor else (0.75, 0.95)
    frame = [(-long, 0.0), (-long, 0.55), (-0.3, tall * 0.75), (0.45, tall), (long, 0.55), (long, 0.0)]
    frame += [(0.35, 0.0), (0.3, 0.35), (-0.3, 0.35), (-0.35, 0.0)]
    colour = _near(rng, (60, 55, 60) if motor else (70, 75, 85), 22)
    yield Thing("motorcycle" if motor else "bicycle", camera.shape(x, z, frame), colour)
    yield Thing("rider", outline, _near(rng, (120, 80, 85), 45), parts)


def _vehicle(rng: np.random.Generator, camera: Camera, x: float, z: float) -> Thing:
    kind = rng.choice(["car", "truck", "bus"], p=[0.8, 0.1, 0.1])
    half, tall = {"car": (0.9, 1.5), "truck": (1.2, 3.2), "bus": (1.25, 3.0)}[str(kind)]
    waist = 0.62 * tall
    outline = [
        (-half, 0.0),
        (-half, waist),
        (-0.8 * half, tall),
        (0.8 * half, tall),
        (half, waist),
        (half, 0.0),
    ]
    glass = [
        (-0.72 * half, waist),
        (-0.66 * half, 0.93 * tall),
        (0.66 * half, 0.93 * tall),
        (0.72 * half, waist),
    ]
    lamps = [
        [
            (s * 0.9 * half, 0.35 * tall),
            (s * 0.9 * half, 0.45 * tall),
            (s * 0.6 * half, 0.45 * tall),
            (s * 0.6 * half, 0.35 * tall),
        ]
        for s in (-1, 1)
    ]
    colour = _near(
        rng,
        ((40, 45, 60), (150, 150, 155), (140, 35, 35), (35, 60, 110), (190, 188, 180))[rng.integers(5)],
        15,
    )
    inner: list[tuple[Colour, list[Point]]] = [(_near(rng, (50, 60, 70), 8), camera.shape(x, z, glass))]
    inner += [((200, 60, 50), camera.shape(x, z, lamp)) for lamp in lamps]
    return Thing(str(kind), camera.shape(x, z, outline), colour, inner)
