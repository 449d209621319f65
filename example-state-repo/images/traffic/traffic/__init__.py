"""Vehicles, tracks and traffic flow from drone video, with numpy and OpenCV alone.

Stage programs, in the order of the pipeline:

- ``detect``    moving vehicles in each frame: ``detections.csv``, a preview, sample frames
- ``track``     detections joined over time: ``tracks.csv``
- ``clean``     fragments stitched, short tracks dropped, positions smoothed: ``clean.csv``
- ``analyse``   speeds, flows, counts, maps, and accuracy where the truth is known: ``summary.json``
- ``report``    one self-contained page: ``report.html``

Beside the pipeline: ``generate`` makes a synthetic clip with exact ground truth (``scene``, ``driving``),
``evaluate`` scores tracks against it.

Shared: ``stage`` (how a program talks to Winslow), ``tables`` (CSV files), ``boxes``, ``assignment``,
``kalman``, ``video``, ``charts`` (SVG for the page).
"""
