"""What the columns of chapter 2's tables mean; shown below each table."""

_SPREAD = {
    "precision_sd_seeds": "SD of precision over training seeds",
    "recall_sd_seeds": "SD of recall over training seeds",
    "f1_sd_seeds": "SD of F1 over training seeds; –: one training",
}
DETECTION = {
    "threshold_rule": "images on whose scores the threshold was chosen (published: 0.8)",
    "f1_low": "lower end of the 95 % interval of F1 over images",
    "f1_high": "upper end",
    "hot_pixels": "outliers put into each image",
    "trained_clipped": "training images were clipped",
    "clipped": "the image itself was clipped",
    "variant": "distance of the hard negatives, or none",
    "mean_area_px2": "mean area of a region above the threshold",
    "mean_area_px2_sd_seeds": "its SD over training seeds",
    "share_to_split": "share of regions large enough to be split",
    "seeds": "trainings",
    "images": "images scored by each",
    **_SPREAD,
}
MULTIMERS = {
    "threshold_rule": "published: regions above 0.8; validated: above a value chosen on validation",
    "resolved": "share of multimers with the right number of atoms, each within 1 Å",
    "count_right": "share with the right number",
    "position_error_a": "mean error of a position, Å",
    "split": "share of single atoms reported as several",
    "missed": "share of single atoms not reported",
    "invented_per_nm2": "false atoms per nm²",
}
BIAS = {
    "density_nm2": "atoms per nm²",
    "mean_distance_nm": "mean distance of the nearest neighbour",
    "share_multimers": "share of atoms in multimers",
    "asked": "density that was asked for, atoms per nm²",
    "share, true": "share of atoms in multimers at the true places",
    "share, published": "the same as the published pipeline sees it at its threshold of 0.8",
    "share, validated": "the same network read by maxima above the validated threshold",
    "share, dense": "as the default sees it",
    "share, dense corrected": "the same after the correction",
    "found, published": "atoms per nm² that the published pipeline reports (and likewise)",
}
_HOW = {
    "true": "at the true places",
    "apparent": "as detected",
    "corrected": "after the correction",
}
BIAS |= {
    name: f"{BIAS[quantity]} {words}"
    for quantity in ("density_nm2", "mean_distance_nm", "share_multimers")
    for how, words in _HOW.items()
    for name in (f"{how}_{quantity}", f"{quantity}_{how}")
}
ENERGIES = {
    "kinds": "the two sites",
    "way": "sheet, method and whether atoms were relaxed",
    "arrangements": "arrangements of the two sites that were computed",
    "lowest_at_A": "separation of the lowest, Å",
    "lowest_eV": "its energy against the farthest",
    "next_eV": "energy of the next arrangement; of spins: least energy above the lowest state",
    "bonded_eV": "least energy of an arrangement with an N-N bond",
    "unpaired": "unpaired electrons in the lowest spin state",
    "structures": "structures compared",
    "polarisation_eV": "largest lowering by spin-polarised orbitals",
    "formation_eV": "energy of the dimer in the site against two isolated centres; below 0: bound",
    "from_gas_eV": "the same against two free atoms",
    "metal_distance_A": "length of the metal-metal bond, Å",
    "projected_A": "the same as seen from above, Å",
    "start": "how the dimer stood before relaxation",
    "separation_A": "distance of the two sites, Å",
    "image_A": "distance to the next periodic copy, Å",
    "e_int_eV": "interaction energy of the two centres (Eqs. 1 to 5)",
    "bare_eV": "near against far without metal",
    "one_filled_eV": "near against far with metal in one site",
    "both_filled_eV": "near against far with metal in both",
}
