# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Packages realm-tf. Tool settings are in pyproject.toml, exact versions in requirements.lock."""

import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).parent


def version() -> str:
    """Returns the version that realm_tf/version.py states; importing it would need TensorFlow."""
    text = (ROOT / "realm_tf" / "version.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if match is None:
        raise ValueError('realm_tf/version.py must hold a line `__version__ = "X.Y.Z"`.')
    return match.group(1)


def long_description() -> str:
    """Returns the text that a package index shows."""
    readme = ROOT / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else ""


# A release of ScaNN works with one minor version of TensorFlow, and so does whatever carries
# TensorFlow ops or protos: raise these bounds together.
INSTALL_REQUIRES = [
    "tensorflow>=2.20,<2.21",
    "tensorflow-text>=2.20,<2.21",
    "tf-models-official>=2.20,<2.21",
    "tensorflow-recommenders>=0.7.7,<0.8",
    "scann>=1.4.2,<1.4.3",
    "tf-keras>=2.20,<2.21",
    "apache-beam>=2.77,<3",
    "tensorflow-serving-api>=2.20,<2.21",
    # 82 dropped pkg_resources, which tensorflow_hub (by way of Model Garden) imports.
    "setuptools<82",
    "grpcio>=1.71",
    "grpcio-health-checking>=1.71",
    "matplotlib>=3.9",
    "numpy>=2.0,<3",
    "protobuf>=5.28,<7",
    "bm25s>=0.3.13,<0.4",
    "click>=8.1",
    "mwparserfromhell>=0.7.2,<0.8",
    "prometheus-client>=0.20",
    "pyarrow>=16",
    "pyyaml>=6.0",
    "safetensors>=0.5",
    "scikit-learn>=1.4",
    "sentencex>=1.0",
    "seqeval>=1.2.2",
    "starlette>=0.40",
    "tqdm>=4.66",
    "uvicorn>=0.30",
]

EXTRAS_REQUIRE = {
    # Dataflow as a runner, and Google Cloud Storage in Beam jobs.
    "gcp": ["apache-beam[gcp]>=2.77,<3"],
    # `realm convert` of a model by its name on the Hugging Face hub.
    "hub": ["huggingface_hub>=2,<3"],
    "dev": [
        "build",
        "hypothesis",
        "mypy",
        "packaging",
        "pytest",
        "pytest-xdist",
        "ruff",
        "scipy",
        "types-PyYAML",
        "types-tqdm",
        "uv",
    ],
}

# realm_tf/configs is a symbolic link to configs/: `realm_tf/configs` is where the code finds them
# in a source tree, in an editable install and in a wheel (which holds copies) alike.
DATA = ["*.yaml", "*.yml", "*.json", "*.tsv", "*.txt", "*.jsonl", "*.jsonl.gz", "*.md", "*.config"]
DATA += ["*.pbtxt", "*.html", "Dockerfile*", "py.typed"]

setuptools.setup(
    name="realm-tf",
    version=version(),
    description="REALM, retrieval-augmented language model pre-training, in TensorFlow",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    author="The realm-tf Authors",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.12",
    packages=setuptools.find_packages(
        include=["realm_tf", "realm_tf.*", "beam_jobs", "beam_jobs.*", "serving", "serving.*"]
    ),
    package_data={"": [*DATA, *(f"**/{pattern}" for pattern in DATA)]},
    install_requires=INSTALL_REQUIRES,
    extras_require=EXTRAS_REQUIRE,
    entry_points={"console_scripts": ["realm = realm_tf.cli.main:main"]},
    zip_safe=False,
    classifiers=[
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
