"""Make the networks that come with the package from those that make_study.py has trained.

    python data/ch04/make_study.py --networks --splits film --methods ours --latents 10 2
    python data/ch04/make_shipped.py

Weights are rounded to 16 bits; the change of what they predict for the validation film is printed.
"""

import copy

import torch
from film_library import KEPT, pairs_of
from make_study import VALIDATION_FILM

from helpers.plasmons import learn
from helpers.plasmons.errors import relative_error
from helpers.plasmons.pairs import Scale
from helpers.plasmons.shipped import KINDS, SEEDS, path_of, shipped
from helpers.weights import load_weights, read_header, save_weights

OWN = ("network", "architecture_sha256", "weights_sha256", "code_version", "torch_version")


def main():
    """Copy every network that is there."""
    torch.set_num_threads(1)
    pairs = pairs_of([VALIDATION_FILM])[::9]
    for direction, kind in KINDS.items():
        for latent, seeds in SEEDS.items():
            for seed in seeds:
                path = KEPT / f"{direction}_ours_film_{latent}_{seed}.safetensors"
                if not path.exists():
                    print(f"{path.name}: not trained yet")
                    continue
                header = read_header(path)
                network = kind(latent, header["channels"])
                load_weights(path, network)
                about = {key: value for key, value in header.items() if key not in OWN}
                save_weights(
                    path_of(direction, latent, seed), copy.deepcopy(network).half(), **about
                )
                scale = Scale(*(tuple(ends) for ends in header["scale"]))
                x, y = scale.images(pairs.images), scale.spectra(pairs.spectra)
                x, y = (x, y) if direction == "im2spec" else (y, x)
                axes = tuple(range(1, y.ndim))
                errors = [
                    relative_error(learn.predict(one, x), y, axes).mean()
                    for one in (network, shipped(direction, latent, seed)[0])
                ]
                print(path.name, "{:.3f} -> {:.3f} % on film 13".format(*errors))


if __name__ == "__main__":
    main()
