"""The figure's proportions and pose: a fashion figure of eight heads, in heads and in source pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.imaging.drawn.shapes import Points, Tube

# Heights in heads below the crown of a fashion figure of eight heads.
NECK = 1.33
SHOULDER = 1.5
CHEST = 2.15
WAIST = 3.05
HIP = 3.85
CROTCH = 4.2
KNEE = 5.95
ANKLE = 7.55
SOLE = 7.95


@dataclass(frozen=True, slots=True)
class Build:
    """Half widths of a body in heads.

    Attributes
    ----------
    limb : float
        Factor on the thickness of arms and legs.
    """

    shoulder: float
    chest: float
    waist: float
    hip: float
    neck: float
    limb: float
    feminine: bool

    @classmethod
    def random(cls, rng: np.random.Generator, feminine: bool) -> Build:
        size = float(rng.choice([0.96, 1.0, 1.0, 1.06, 1.18])) * float(rng.uniform(0.97, 1.03))
        if feminine:
            return cls(0.78 * size**0.5, 0.60 * size, 0.47 * size**1.4, 0.66 * size**1.1, 0.165, 0.88 * size, True)
        return cls(0.96 * size**0.5, 0.75 * size, 0.62 * size**1.3, 0.63 * size, 0.215, 1.0 * size, False)


@dataclass(frozen=True, slots=True, eq=False)
class Limb:
    """Three joints in source pixels and the direction of hand or foot.

    Attributes
    ----------
    side : int
        -1 on the picture's left, 1 on its right.
    behind : bool
        Whether the forearm is hidden behind the back.
    """

    side: int
    root: Points
    middle: Points
    end: Points
    tip: Points
    behind: bool = False

    def line(self, until: float = 1.0) -> Points:
        """Points from the root to the share ``until`` of the way to the end joint."""
        upper = float(np.linalg.norm(self.middle - self.root))
        lower = float(np.linalg.norm(self.end - self.middle))
        t = np.linspace(0, until, 9) * (upper + lower)
        at = np.array([0.0, upper, upper + lower])
        joints = np.array([self.root, self.middle, self.end])
        bent = np.stack([np.interp(t, at, joints[:, k]) for k in (0, 1)], 1)
        if len(bent) > 2:  # soften the joint: a bone bends, flesh curves
            bent[1:-1] = 0.25 * bent[:-2] + 0.5 * bent[1:-1] + 0.25 * bent[2:]
        return bent


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A posed body (or, for a flatlay, the empty frame a garment is spread on).

    Attributes
    ----------
    unit : float
        Head height in source pixels.
    crown : ndarray
        Top of the head, source pixels.
    flat : bool
        True for the frame of a flatlay.
    """

    build: Build
    unit: float
    crown: Points
    lean: float
    shoulder_tilt: float
    hip_tilt: float
    hip_shift: float
    arms: tuple[Limb, ...]
    legs: tuple[Limb, ...]
    yaw: float
    nod: float
    flat: bool = False

    def at(self, x: float, y: float) -> Points:
        """A point of the torso, given in heads for an upright body, in source pixels."""
        t = float(np.clip((y - SHOULDER) / (HIP - SHOULDER), 0, 1.4))
        upright = float(np.clip((y - 1.0) / 0.5, 0, 1))  # the head stays level above tilted shoulders
        tilt = upright * (self.shoulder_tilt * (1 - t) + self.hip_tilt * t)
        bend = self.hip_shift * t * t * (3 - 2 * min(t, 1.0))
        return self.crown + self.unit * np.array([x + bend + self.lean * (y - HIP) * 0.5, y + x * tilt])

    def run(self, points: list[tuple[float, float]]) -> Points:
        return np.array([self.at(x, y) for x, y in points])

    def leg_tube(self, leg: Limb, scale: float = 1.0) -> Tube:
        """Thigh, knee, calf and ankle of a bare leg."""
        k = self.build.limb * self.unit * scale
        w = [0.33, 0.345, 0.315, 0.255, 0.19, 0.2, 0.205, 0.155, 0.1, 0.095]
        return Tube.through(leg.line(), [v * k for v in w], bulge=0.9)

    def arm_tube(self, arm: Limb) -> Tube:
        """Deltoid, elbow and wrist of a bare arm."""
        k = self.build.limb * self.unit
        w = [0.165, 0.185, 0.172, 0.15, 0.13, 0.138, 0.128, 0.1, 0.082]
        return Tube.through(arm.line(), [v * k for v in w])


def posed(rng: np.random.Generator, build: Build, unit: float, crown: Points) -> Body:
    """A standing pose: weight on both legs or on one, arms hanging, on the hip or behind the back."""
    contrapposto = float(rng.choice([0.0, -1.0, 1.0], p=[0.3, 0.35, 0.35])) * float(rng.uniform(0.6, 1.0))
    hip_tilt = -0.07 * contrapposto  # the hip over the standing leg is the higher one
    frame = Body(
        build,
        unit,
        crown,
        lean=float(rng.normal(0, 0.008)),
        shoulder_tilt=0.06 * contrapposto + float(rng.normal(0, 0.01)),
        hip_tilt=hip_tilt,
        hip_shift=0.12 * contrapposto,
        arms=(),
        legs=(),
        yaw=float(rng.normal(0, 0.35)),
        nod=float(rng.normal(0, 0.03)),
    )
    arms = []
    poses = rng.choice(["hang", "hang", "hip", "behind"], size=2, p=[0.34, 0.34, 0.2, 0.12])
    for side, pose in zip((-1, 1), poses, strict=True):
        arms.append(_arm(rng, frame, side, str(pose)))
    legs = []
    for side in (-1, 1):
        root = frame.at(side * build.hip * 0.5, HIP + 0.15)
        standing = contrapposto == 0 or np.sign(contrapposto) == side
        reach = 0.26 if standing and contrapposto else 0.34
        out = 0.0 if standing else float(rng.uniform(0.0, 0.22))
        foot_x = (0.10 if standing and contrapposto else 0.27 + out) * side + (0.07 * contrapposto if standing else 0)
        end = frame.crown + unit * np.array([foot_x + frame.lean * 2, ANKLE + (0.0 if standing else 0.05)])
        middle = root + (end - root) * 0.5 + unit * np.array([side * (0.02 if standing else 0.07), 0])
        turned = side * float(rng.uniform(0.06, 0.16)) + (side * 0.1 if not standing else 0)
        legs.append(Limb(side, root, middle, end, end + unit * np.array([turned, reach])))
    return replace(frame, arms=tuple(arms), legs=tuple(legs))


def _arm(rng: np.random.Generator, body: Body, side: int, pose: str) -> Limb:
    build, unit = body.build, body.unit
    root = body.at(side * (build.shoulder - 0.15), SHOULDER + 0.16)
    if pose == "hip":
        wrist = body.at(side * (build.hip * 0.92 + 0.02), 3.42)
    elif pose == "behind":
        wrist = body.at(side * build.hip * 0.55, 3.5)
    else:
        spread = max(build.hip + 0.13, build.shoulder - 0.02) + float(rng.uniform(0.02, 0.2))
        wrist = np.array([body.at(side * spread, 3.9)[0], root[1] + unit * float(rng.uniform(2.28, 2.36))])
    upper, lower = 1.3 * unit, 1.12 * unit
    reach = wrist - root
    distance = min(float(np.linalg.norm(reach)), (upper + lower) * 0.998)
    reach /= np.linalg.norm(reach)
    cosine = (upper**2 + distance**2 - lower**2) / (2 * upper * distance)
    angle = float(np.arccos(np.clip(cosine, -1, 1))) * -side
    direction = np.array(
        [reach[0] * np.cos(angle) - reach[1] * np.sin(angle), reach[0] * np.sin(angle) + reach[1] * np.cos(angle)]
    )
    middle = root + direction * upper
    end = root + reach * distance
    forearm = (end - middle) / np.linalg.norm(end - middle)
    if pose == "hip":  # the hand bends down along the hip
        forearm = np.array([-side * 0.35, 0.94])
    return Limb(side, root, middle, end, end + forearm * unit * 0.72, behind=pose == "behind")


def flat_frame(build: Build, unit: float, crown: Points, sleeve_angle: float) -> Body:
    """The frame a garment is spread on: upright, symmetric, sleeves at an angle (radians from straight down)."""
    frame = Body(build, unit, crown, 0.0, 0.0, 0.0, 0.0, (), (), 0.0, 0.0, flat=True)
    arms, legs = [], []
    for side in (-1, 1):
        root = frame.at(side * (build.shoulder - 0.15), SHOULDER + 0.16)
        down = np.array([side * np.sin(sleeve_angle), np.cos(sleeve_angle)]) * unit
        arms.append(Limb(side, root, root + 1.3 * down, root + 2.42 * down, root + 3.1 * down))
        hip = frame.at(side * build.hip * 0.5, HIP + 0.15)
        ankle = frame.at(side * (build.hip * 0.5 + 0.12), ANKLE)
        legs.append(Limb(side, hip, (hip + ankle) / 2, ankle, ankle + np.array([0, 0.2]) * unit))
    return replace(frame, arms=tuple(arms), legs=tuple(legs))
