"""Write the model card of the shipped network, isomers.md, with the numbers of make_evaluation.py.

python data/ch03/make_model_card.py
"""

import pandas as pd

from helpers.clusters import augment
from helpers.clusters.calibration import LEAST_NOISE
from helpers.clusters.network import IsomerNet
from helpers.clusters.recording import PIXEL_NM
from helpers.clusters.structures import ISOMERS
from helpers.registry import ROOT
from helpers.weights import read_header

FOLDER = ROOT / "data" / "ch03"
CLEAR = 1e4
CARD = """# Isomers of gold nanoclusters: model card

`isomers.safetensors` (weights with a header) and `isomers.onnx` (the same network) name the isomer
of one metal cluster in a HAADF-STEM image: {classes}. {weights} weights; trained by
`make_classifier.py` on {images} PRISM images of {sizes} gold atoms, judged by `make_evaluation.py`.
All numbers here are simulated.

**Use.** `helpers.clusters.classify.predict(image, pixel_size_nm)`, or `predict_frames` for a video.
The ONNX file takes frames of 64 x 64 pixels of {pixel} nm as an array (n, 1, 64, 64), each less its
mean and divided by its standard deviation, and gives scores in the order above; probabilities are
softmax({factor:.3f} / max(noise, {least})^{power:.3f} * score), where noise is the frame's share of
noise (`helpers.clusters.outline.noise_share`).

**Training range.** 200 kV, probe of 20 mrad without aberrations and in focus, detector from 60 to
100 mrad; {doses} electrons per square Angstrom; source of {source} nm (standard deviation); carbon
film of up to {film} nm; gold at room temperature; one cluster in the field. The paper that proposed
such a network states no microscope settings: these are assumptions.

**Accuracy** on test views of 309 atoms (mean of the isomers; intervals over views and {seeds}
training seeds), beside the best match in an atlas of the training images of all sizes, and in one
of 309 atoms, for which the size must be known:

{table}

At {clear:g} electrons per square Angstrom, {small:.1f} % of clusters of 147 atoms and {large:.1f} %
of those of 561 are named rightly.

**Calibration.** Over all doses probabilities differ from frequencies by {pooled:.1f} % on average
(expected calibration error, {seeds} seeds); at {faint:g} electrons per square Angstrom, the worst
of the doses, by {worst:.1f} %, where perfect ones would show {chance:.1f} % on as many frames.

**Rejects** when the most probable isomer has less than {threshold:.2f}, or the object is not
between {low:.1f} and {high:.1f} nm wide.

**Limits.** Closed-shell clusters only: no Marks or truncated shapes, facets, steps or twins in an
fcc cluster; other metals, supports that diffract, tilted or aberrated probes and overlapping
clusters were not in the training. "Amorphous" means like quenched melts of an effective-medium
potential. A measured image that is unlike all of this gets a confident wrong answer more easily
than a low probability.
"""


def main():
    """Fill the numbers of the tables into the card."""
    header = read_header(FOLDER / "isomers.safetensors")
    table = pd.read_csv(FOLDER / "evaluation.csv")
    table = table[(table["views_of"] == "all") & (table["defocus_nm"] == 0)].set_index("method")
    clear = table.loc["network"].query("dose_per_A2 == @CLEAR").set_index("atoms")["accuracy"]
    table = table[table["atoms"] == 309]
    after = pd.read_csv(FOLDER / "evaluation_calibration.csv").query("scaling == 'after'")
    pooled = after.loc[after["dose_per_A2"].isna(), "calibration_error"].mean()
    by_dose = after.groupby("dose_per_A2")[["calibration_error", "by_chance"]].mean()
    worst = by_dose["calibration_error"].idxmax()
    lines = [
        "| electrons per Å² | network | atlas of all sizes | atlas of 309 |",
        "|---|---|---|---|",
    ]
    for dose, part in table.groupby("dose_per_A2"):
        cells = [
            f"{100 * row['accuracy']:.1f} % ({100 * row['accuracy_low']:.1f} to"
            f" {100 * row['accuracy_high']:.1f})"
            for row in (part.loc[m] for m in ("network", "atlas of all sizes", "atlas"))
        ]
        lines.append(f"| {dose:g} | {' | '.join(cells)} |")
    low, high = header["diameters_nm"]
    text = CARD.format(
        classes=", ".join(ISOMERS), images=header["images"], pixel=PIXEL_NM,
        weights=sum(p.numel() for p in IsomerNet().parameters()),
        sizes=", ".join(map(str, header["sizes"])),
        factor=header["factor"], power=header["power"], least=LEAST_NOISE,
        doses="{:g} to {:g}".format(*augment.DOSE),
        source="{:g} to {:g}".format(*augment.SOURCE_NM), film=augment.SUPPORT_NM[1],
        clear=CLEAR, small=100 * clear[147], large=100 * clear[561], pooled=100 * pooled,
        faint=worst, worst=100 * by_dose.loc[worst, "calibration_error"],
        chance=100 * by_dose.loc[worst, "by_chance"],
        seeds=int(table.loc["network", "seeds"].max()), table="\n".join(lines),
        threshold=header["threshold"], low=low, high=high,
    )  # fmt: skip
    (FOLDER / "isomers.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
