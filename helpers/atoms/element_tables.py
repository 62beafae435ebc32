"""Tables of chapter 2 on elements: who names them rightly, and which tests then find order."""

import pandas as pd

from helpers.atoms.element_plots import PLACES, WORDS, in_words

LABELS = ("truth", "named", "found", "found and named")


def naming(runs, density_nm2=2.0, dose=1.0):
    """
    Accuracy of every method at one density and dose.

    Parameters
    ----------
    runs : DataFrame
        ``data/ch02/species.csv``.
    density_nm2, dose : float

    Returns
    -------
    DataFrame
        By system, positions and method: ``accuracy`` and its ``sd``, ``balanced_accuracy`` and its
        ``balanced_sd``, all over images; ``majority``, the share of the commonest element; and
        ``images``. Trainings of one image are averaged.
    """
    some = runs[(runs["density_per_nm2"] == density_nm2) & (runs["dose"] == dose)]
    keys = ["system", "positions", "method"]
    scores = ["accuracy", "balanced_accuracy", "majority"]
    by_image = some.groupby([*keys, "image_seed"])[scores].mean().groupby(keys)
    mean, sd = by_image.mean(), by_image.std()
    return mean.assign(
        sd=sd["accuracy"], balanced_sd=sd["balanced_accuracy"], images=by_image.size()
    )


def naming_in_words(scores):
    """
    Balanced accuracy for readers: methods below each other, systems and places side by side.

    Parameters
    ----------
    scores : DataFrame
        From `naming`.

    Returns
    -------
    DataFrame
        ``method`` and a column per system and places, "mean ± SD (images)".
    """
    columns = {}
    for places in PLACES:
        for system in scores.index.unique("system"):
            part = scores.loc[(system, places)]
            text = [
                f"{row.balanced_accuracy:.2f} ± {row.balanced_sd:.2f} ({row.images:.0f})"
                for row in part.itertuples()
            ]
            columns[f"{in_words(system)}, {PLACES[places]}"] = pd.Series(text, part.index)
    table = pd.DataFrame(columns).reindex(list(WORDS)).dropna(how="all")
    return table.rename(index=WORDS).rename_axis("method").reset_index()


def calibration(trust):
    """
    Mean distance of the stated confidence and the share named rightly.

    Parameters
    ----------
    trust : DataFrame
        ``data/ch02/species_reliability.csv``.

    Returns
    -------
    DataFrame
        By system, positions and method: ``raw`` and ``calibrated``, shares.
    """
    keys = ["system", "positions", "method", "confidence_from"]
    gap = (trust["confidence"] - trust["correct"]).abs() * trust["atoms"]
    sums = trust.assign(gap=gap).groupby(keys)[["gap", "atoms"]].sum()
    error = (sums["gap"] / sums["atoms"]).round(3).rename("error").reset_index()
    return error.pivot_table("error", keys[:3], keys[3])[["raw", "calibrated"]].rename_axis(
        columns=None
    )


def order_through_images(tests):
    """
    How many tests of images find order, by sample and by where the labels come from.

    Parameters
    ----------
    tests : DataFrame
        ``data/ch02/ordering_images.csv``.

    Returns
    -------
    DataFrame
        An image in which all atoms got one name is not tested.
    """
    drawn = (tests["p_drawn"] <= 0.05).astype(float).where(tests["p_drawn"].notna())
    tests = tests.assign(found=tests["p"] <= 0.05, drawn=drawn)
    tests["labels"] = pd.Categorical(tests["labels"], LABELS)
    keys = ["system", "density_nm2", "strength_kt", "labels"]
    by = tests.groupby(keys, observed=True)
    table = pd.DataFrame({
        "images": by.size(),
        "atoms, mean": by["atoms"].mean().round(),
        "named rightly": by["right"].mean().round(3),
        "tested": by["p"].count(),
        "tests with p ≤ 0.05": by["found"].sum(),
        "with drawn labels": by["drawn"].sum(min_count=1),
    })  # fmt: skip
    names = ["system", "atoms per nm²", "preference (kT)", "labels"]
    table = table.rename_axis(names).reset_index().astype({"labels": str})
    return table.assign(system=table["system"].map(in_words))
